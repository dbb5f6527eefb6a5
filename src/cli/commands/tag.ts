import type { Command } from '../command.ts';
import { splitReference } from '../image/reference.ts';

export const command: Command = {
  usage: 'IMAGE NEW_NAME[:TAG]',
  minimum: 2,
  maximum: 2,
  operand: 'image',
  flags: [],
  async run({ client, operands }) {
    const [source = '', target = ''] = operands;
    const { repository, tag } = splitReference(target);
    const path = `/images/${source.split('/').map(encodeURIComponent).join('/')}/tag`;
    await client.send('POST', path, { query: { repo: repository, tag: tag ?? 'latest' } });
    return 0;
  },
};
