import type { ContainerInspect } from '../api/model.ts';
import { defaultDetachKeys } from '../attach/detach-keys.ts';
import { attachExisting } from '../attach/existing.ts';
import { boolean, type Command, text } from '../command.ts';
import { forEach } from '../each.ts';
import { usageFailure } from '../failure.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  minimum: 1,
  maximum: undefined,
  operand: 'container',
  flags: [
    boolean('attach', 'Show its output and pass signals on', { short: 'a' }),
    boolean('interactive', 'Attach stdin too', { short: 'i' }),
    text('detach-keys', 'keys', 'Keys that detach from a terminal (ctrl-p,ctrl-q)'),
    boolean('sig-proxy', 'Pass signals on to the process', { on: true, hidden: true }),
  ],
  async run({ client, flags, operands }) {
    const attached = flags.boolean('attach') || flags.boolean('interactive');
    if (!attached) {
      return forEach(operands, async (name) => {
        await client.send('POST', `/containers/${encodeURIComponent(name)}/start`);
        return name;
      });
    }
    const [name = '', ...others] = operands;
    if (others.length > 0) throw usageFailure('you cannot start and attach multiple containers at once');
    const container = (await client.json('GET', `/containers/${encodeURIComponent(name)}/json`)) as ContainerInspect;
    const keysGiven = flags.text('detach-keys');
    const stdin = flags.boolean('interactive');
    if (stdin && container.Config.OpenStdin && container.Config.Tty && !process.stdin.isTTY) {
      throw usageFailure('the input device is not a TTY');
    }
    return attachExisting(client, {
      container,
      stdin,
      signals: flags.boolean('sig-proxy', true),
      keys: keysGiven ?? defaultDetachKeys,
      keysGiven,
      start: !container.State.Running,
    });
  },
};
