import { type Command, list, text } from '../command.ts';
import { archiveInput } from '../image/archive-input.ts';
import { showProgress } from '../image/progress.ts';
import { splitReference } from '../image/reference.ts';

export const command: Command = {
  usage: '[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]',
  minimum: 1,
  maximum: 2,
  operand: 'file',
  flags: [
    list('change', 'instruction', 'Dockerfile instruction for the image (CMD, ENV, …)', { short: 'c' }),
    text('message', 'text', 'Comment in the history', { short: 'm' }),
    text('platform', 'os/arch', 'Platform of the image'),
  ],
  async run({ client, flags, operands }) {
    const [source = '', reference] = operands;
    const remote = /^https?:\/\//.test(source);
    const stream = remote ? undefined : archiveInput(source === '-' ? undefined : source, 'corten import FILE');
    const { repository, tag } =
      reference === undefined ? { repository: undefined, tag: undefined } : splitReference(reference);
    const answer = await client.stream('POST', '/images/create', {
      query: {
        fromSrc: remote ? source : '-',
        repo: repository,
        tag,
        message: flags.text('message'),
        changes: flags.list('change'),
        platform: flags.text('platform'),
      },
      ...(stream === undefined ? {} : { stream }),
    });
    await showProgress(answer, { quiet: false, descriptor: 1 });
    return 0;
  },
};
