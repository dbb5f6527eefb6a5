import type { Client } from '../api/client.ts';
import type { ContainerInspect } from '../api/model.ts';
import { complain } from '../format/output.ts';
import { followTerminalSize } from './resize.ts';
import { runSession } from './session.ts';
import { forwardSignals } from './signals.ts';
import { startFailure } from './start-failure.ts';
import { registerWait } from './wait.ts';
import { parseDetachKeys } from './detach-keys.ts';

export interface AttachExisting {
  readonly container: ContainerInspect;
  readonly stdin: boolean;
  readonly signals: boolean;
  readonly keys: string;
  readonly keysGiven: string | undefined;
  /** Start it once attached (`start -a`), or attach to what runs. */
  readonly start: boolean;
}

/** Attaches to a container that exists, for `attach` and `start -a`. Resolves with the exit status. */
export async function attachExisting(client: Client, options: AttachExisting): Promise<number> {
  const { container } = options;
  const { Id: id, Config: config } = container;
  const tty = config.Tty;
  const stdin = options.stdin && config.OpenStdin;
  const detachKeys = parseDetachKeys(options.keys);
  const stopForwarding = options.signals && !tty ? forwardSignals(client, id) : () => undefined;
  const afterStart = container.HostConfig.AutoRemove === true ? 'removed' : 'next-exit';
  const [hijacked, pending] = await Promise.all([
    client.hijack(`/containers/${id}/attach`, {
      query: { stream: true, stdin, stdout: true, stderr: true, detachKeys: options.keysGiven },
    }),
    registerWait(client, id, options.start ? afterStart : 'not-running'),
  ]);
  const session = runSession(hijacked, { tty, stdin, detachKeys });
  session.catch(() => undefined);
  if (options.start) {
    try {
      await client.send('POST', `/containers/${id}/start`);
    } catch (error) {
      hijacked.stream.destroy();
      await session.catch(() => undefined);
      throw startFailure(error);
    }
  }
  const stopResizing = tty ? followTerminalSize(client, `/containers/${id}`) : () => undefined;
  const outcome = await session;
  stopResizing();
  if (outcome === 'detached') {
    complain('read escape sequence');
    return 0;
  }
  const exitCode = await pending.exited;
  stopForwarding();
  return exitCode;
}
