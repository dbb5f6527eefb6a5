import { boolean, type Command } from '../command.ts';
import { forEach } from '../each.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  minimum: 1,
  maximum: undefined,
  operand: 'container',
  flags: [
    boolean('force', 'Kill it first when it runs', { short: 'f' }),
    boolean('volumes', 'Remove its anonymous volumes too', { short: 'v' }),
    boolean('link', 'Remove the link of that name', { short: 'l' }),
  ],
  async run({ client, flags, operands }) {
    const query = { force: flags.boolean('force'), v: flags.boolean('volumes'), link: flags.boolean('link') };
    return forEach(operands, async (given) => {
      const name = given.replace(/^\/+/, '');
      await client.send('DELETE', `/containers/${encodeURIComponent(name)}`, { query });
      return given;
    });
  },
};
