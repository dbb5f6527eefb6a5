import type { Command } from '../command.ts';
import { forEach } from '../each.ts';

export const command: Command = {
  usage: 'CONTAINER [CONTAINER...]',
  minimum: 1,
  maximum: undefined,
  operand: 'running-container',
  flags: [],
  async run({ client, operands }) {
    return forEach(operands, async (name) => {
      await client.send('POST', `/containers/${encodeURIComponent(name)}/pause`);
      return name;
    });
  },
};
