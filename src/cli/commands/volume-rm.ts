import { boolean, type Command } from '../command.ts';
import { forEach } from '../each.ts';

export const command: Command = {
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  minimum: 1,
  maximum: undefined,
  operand: 'volume',
  flags: [boolean('force', 'A volume that is not there is no error', { short: 'f' })],
  async run({ client, flags, operands }) {
    return forEach(operands, async (name) => {
      await client.send('DELETE', `/volumes/${encodeURIComponent(name)}`, { query: { force: flags.boolean('force') } });
      return name;
    });
  },
};
