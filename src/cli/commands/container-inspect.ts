import { boolean, type Command, text } from '../command.ts';
import { inspect } from '../inspect.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  minimum: 1,
  maximum: undefined,
  operand: 'container',
  flags: [
    text('format', 'template', 'json or a Go template', { short: 'f' }),
    boolean('size', 'Sizes of its files', { short: 's' }),
  ],
  async run({ client, flags, operands }) {
    return inspect(client, ['container'], operands, { format: flags.text('format'), size: flags.boolean('size') });
  },
};
