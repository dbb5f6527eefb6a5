import { type Command, text } from '../command.ts';
import { saveStream } from '../save-stream.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER',
  minimum: 1,
  maximum: 1,
  operand: 'container',
  flags: [text('output', 'file', 'Write to a file in place of stdout', { short: 'o' })],
  async run({ client, flags, operands }) {
    const path = `/containers/${encodeURIComponent(operands[0] ?? '')}/export`;
    await saveStream(() => client.stream('GET', path), flags.text('output'));
    return 0;
  },
};
