import { boolean, type Command, text } from '../command.ts';
import { printLine } from '../format/output.ts';
import { showProgress } from '../image/progress.ts';
import { splitReference } from '../image/reference.ts';

export const command: Command = {
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  minimum: 1,
  maximum: 1,
  operand: 'image',
  flags: [
    boolean('quiet', 'Only print the name', { short: 'q' }),
    text('platform', 'os/arch', 'Platform of the image'),
    boolean('all-tags', 'All tags of the repository', { short: 'a' }),
  ],
  async run({ client, flags, operands }) {
    const [name = ''] = operands;
    const { repository, tag } = splitReference(name);
    const quiet = flags.boolean('quiet');
    const answer = await client.stream('POST', '/images/create', {
      query: {
        fromImage: repository,
        tag: flags.boolean('all-tags') ? undefined : (tag ?? 'latest'),
        platform: flags.text('platform'),
      },
    });
    await showProgress(answer, { quiet, descriptor: 1 });
    if (quiet) printLine(name);
    return 0;
  },
};
