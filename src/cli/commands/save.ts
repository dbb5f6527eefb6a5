import { type Command, text } from '../command.ts';
import { saveStream } from '../save-stream.ts';

export const command: Command = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  minimum: 1,
  maximum: undefined,
  operand: 'image',
  flags: [
    text('output', 'file', 'Write to a file in place of stdout', { short: 'o' }),
    text('platform', 'os/arch', 'Only this platform'),
  ],
  async run({ client, flags, operands }) {
    const query = { names: operands, platform: flags.text('platform') };
    await saveStream(() => client.stream('GET', '/images/get', { query }), flags.text('output'));
    return 0;
  },
};
