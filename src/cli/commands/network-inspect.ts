import { type Command, text } from '../command.ts';
import { inspect } from '../inspect.ts';

export const command: Command = {
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  minimum: 1,
  maximum: undefined,
  operand: 'network',
  flags: [text('format', 'template', 'json or a Go template', { short: 'f' })],
  async run({ client, flags, operands }) {
    return inspect(client, ['network'], operands, { format: flags.text('format') });
  },
};
