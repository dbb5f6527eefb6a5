import { boolean, type Command, list } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { print } from '../format/output.ts';
import { prune, reclaimed } from '../prune.ts';

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [
    list('filter', 'name=value', 'Only those that match (until=…, label=…)'),
    boolean('force', 'Do not ask', { short: 'f' }),
  ],
  async run({ client, flags }) {
    if (!flags.boolean('force') && !(await confirmed('This will remove all stopped containers.'))) return 0;
    const { text, bytes } = await prune(client, 'containers', flags.list('filter'));
    print(text + reclaimed(bytes));
    return 0;
  },
};
