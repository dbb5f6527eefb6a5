import { boolean, type Command } from '../command.ts';
import type { Explanation } from '../explain/model.ts';
import { explanationText } from '../explain/view.ts';
import { print, printLine } from '../format/output.ts';
import { styleFor } from '../format/style.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER [PATH]',
  minimum: 1,
  maximum: 2,
  operand: 'container',
  flags: [boolean('json', 'For programs')],
  notes: `Without PATH: namespaces, control groups with limits and use, privileges, network, layers and mounts.
With PATH: which layer or mount that file of the container comes from.`,
  async run({ client, flags, operands }) {
    const [name = '', path] = operands;
    const explanation = (await client.json('GET', `/corten/containers/${encodeURIComponent(name)}/explain`, {
      query: { path },
    })) as Explanation;
    if (flags.boolean('json')) printLine(JSON.stringify(explanation, undefined, 2));
    else print(explanationText(explanation, styleFor(process.stdout)));
    return 0;
  },
};
