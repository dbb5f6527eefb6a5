import { type Command, text } from '../command.ts';
import { forEach } from '../each.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  minimum: 1,
  maximum: undefined,
  operand: 'running-container',
  flags: [text('signal', 'signal', 'Signal to send (KILL)', { short: 's' })],
  async run({ client, flags, operands }) {
    const query = { signal: flags.text('signal') };
    return forEach(operands, async (name) => {
      await client.send('POST', `/containers/${encodeURIComponent(name)}/kill`, { query });
      return name;
    });
  },
};
