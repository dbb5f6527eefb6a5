import { boolean, type Command } from '../command.ts';
import { showProgress } from '../image/progress.ts';

export const command: Command = {
  usage: '[OPTIONS] NAME[:TAG]',
  minimum: 1,
  maximum: 1,
  operand: 'none',
  flags: [boolean('quiet', 'No progress', { short: 'q' })],
  notes: `busybox           from this machine's busybox-static, in a moment
debian:bookworm   from the distribution's package mirror with mmdebstrap, in some 20 seconds`,
  async run({ client, flags, operands }) {
    const answer = await client.stream('POST', '/corten/images/bootstrap', { query: { reference: operands[0] } });
    await showProgress(answer, { quiet: flags.boolean('quiet'), descriptor: 1 });
    return 0;
  },
};
