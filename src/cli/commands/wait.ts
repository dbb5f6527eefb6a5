import { registerWait } from '../attach/wait.ts';
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
      const { exited } = await registerWait(client, encodeURIComponent(name), 'not-running');
      return String(await exited);
    });
  },
};
