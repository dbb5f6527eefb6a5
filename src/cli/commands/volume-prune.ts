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
    boolean('all', 'Named volumes too, not only anonymous ones', { short: 'a' }),
    list('filter', 'name=value', 'Only those that match (label=…)'),
    boolean('force', 'Do not ask', { short: 'f' }),
  ],
  async run({ client, flags }) {
    const all = flags.boolean('all');
    const kind = all ? 'volumes' : 'anonymous volumes';
    const question = `This will remove ${kind} not used by at least one container.`;
    if (!flags.boolean('force') && !(await confirmed(question))) return 0;
    const { text, bytes } = await prune(client, 'volumes', flags.list('filter'), all ? { all: ['true'] } : {});
    print(text + reclaimed(bytes));
    return 0;
  },
};
