import { boolean, type Command, text } from '../command.ts';
import { archiveInput } from '../image/archive-input.ts';
import { showProgress } from '../image/progress.ts';

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [
    text('input', 'file', 'Read from a file in place of stdin', { short: 'i' }),
    text('platform', 'os/arch', 'Only this platform'),
    boolean('quiet', 'No progress', { short: 'q' }),
  ],
  async run({ client, flags }) {
    const quiet = flags.boolean('quiet') || !process.stdout.isTTY;
    const stream = archiveInput(flags.text('input'), 'corten load -i FILE');
    const answer = await client.stream('POST', '/images/load', {
      query: { quiet, platform: flags.text('platform') },
      stream,
    });
    await showProgress(answer, { quiet: false, descriptor: 1 });
    return 0;
  },
};
