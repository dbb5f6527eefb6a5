import type { Command } from '../command.ts';
import { usageFailure } from '../failure.ts';

export const command: Command = {
  usage: 'CONTAINER NEW_NAME',
  minimum: 2,
  maximum: 2,
  operand: 'container',
  flags: [],
  async run({ client, operands }) {
    const [container = '', name = ''] = operands;
    if (container.trim() === '' || name.trim() === '') throw usageFailure('neither old nor new names may be empty');
    await client.send('POST', `/containers/${encodeURIComponent(container)}/rename`, { query: { name } });
    return 0;
  },
};
