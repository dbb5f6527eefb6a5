import type { ContainerInspect } from '../api/model.ts';
import { defaultDetachKeys } from '../attach/detach-keys.ts';
import { attachExisting } from '../attach/existing.ts';
import { boolean, type Command, text } from '../command.ts';
import { CommandFailure, usageFailure } from '../failure.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER',
  minimum: 1,
  maximum: 1,
  operand: 'running-container',
  flags: [
    text('detach-keys', 'keys', 'Keys that detach from a terminal (ctrl-p,ctrl-q)'),
    boolean('no-stdin', 'Only watch'),
    boolean('sig-proxy', 'Pass signals on to the process', { on: true }),
  ],
  async run({ client, flags, operands }) {
    const path = `/containers/${encodeURIComponent(operands[0] ?? '')}/json`;
    const container = (await client.json('GET', path)) as ContainerInspect;
    const { State: state, Config: config } = container;
    if (!state.Running) {
      throw new CommandFailure('You cannot attach to a stopped container, start it first', {
        hint: `corten start -ai ${operands[0] ?? ''} does both`,
      });
    }
    if (state.Paused === true) throw new CommandFailure('You cannot attach to a paused container, unpause it first');
    if (state.Restarting === true) {
      throw new CommandFailure('You cannot attach to a restarting container, wait until it is running');
    }
    const stdin = !flags.boolean('no-stdin') && config.OpenStdin;
    if (stdin && config.Tty && !process.stdin.isTTY) {
      throw usageFailure('the input device is not a TTY', 'attach --no-stdin only watches');
    }
    const keysGiven = flags.text('detach-keys');
    return attachExisting(client, {
      container,
      stdin,
      signals: flags.boolean('sig-proxy', true),
      keys: keysGiven ?? defaultDetachKeys,
      keysGiven,
      start: false,
    });
  },
};
