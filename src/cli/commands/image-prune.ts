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
    boolean('all', 'Every image that no container uses, not only those without a name', { short: 'a' }),
    list('filter', 'name=value', 'Only those that match (until=…, label=…)'),
    boolean('force', 'Do not ask', { short: 'f' }),
  ],
  async run({ client, flags }) {
    const all = flags.boolean('all');
    const question = all
      ? 'This will remove all images without at least one container associated to them.'
      : 'This will remove all dangling images.';
    if (!flags.boolean('force') && !(await confirmed(question))) return 0;
    const { text, bytes } = await prune(client, 'images', flags.list('filter'), { dangling: [String(!all)] });
    print(text + reclaimed(bytes));
    return 0;
  },
};
