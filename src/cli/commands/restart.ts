import { type Command, text } from '../command.ts';
import { forEach } from '../each.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  minimum: 1,
  maximum: undefined,
  operand: 'container',
  flags: [
    text('time', 'seconds', 'Time before it is killed; -1 to wait for ever', { short: 't' }),
    text('timeout', 'seconds', 'Same as --time'),
    text('signal', 'signal', 'Signal that asks it to end', { short: 's' }),
  ],
  async run({ client, flags, operands }) {
    const query = { t: flags.integer('timeout') ?? flags.integer('time'), signal: flags.text('signal') };
    return forEach(operands, async (name) => {
      await client.send('POST', `/containers/${encodeURIComponent(name)}/restart`, { query });
      return name;
    });
  },
};
