import { type Command, text } from '../command.ts';
import { inspect } from '../inspect.ts';

export const command: Command = {
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  minimum: 1,
  maximum: undefined,
  operand: 'volume',
  flags: [text('format', 'template', 'json or a Go template', { short: 'f' })],
  async run({ client, flags, operands }) {
    return inspect(client, ['volume'], operands, { format: flags.text('format') });
  },
};
