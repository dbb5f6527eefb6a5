import { internal } from '../base/index.ts';
import type { ExitRecord, RunningContainer } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, publish } from './context.ts';
import { parseSignal, sigkill, sigterm } from './signals.ts';
import { allow, refuse } from './status.ts';

/** After SIGKILL to the init: how long until everything in the cgroup is killed, and how long until we give up. */
const patience = { initMilliseconds: 2_000, allMilliseconds: 20_000 } as const;

/** Resolves with the exit, or undefined after `milliseconds`. */
export async function exitWithin(
  { clock }: Pick<EngineContext, 'clock'>,
  process: RunningContainer,
  milliseconds: number,
): Promise<ExitRecord | undefined> {
  const late = Promise.withResolvers<undefined>();
  const cancel = clock.after(milliseconds, () => late.resolve(undefined));
  try {
    return await Promise.race([process.exited, late.promise]);
  } finally {
    cancel();
  }
}

/** SIGKILL, thawing what is frozen, since cgroup v1 delivers no signal before. Returns how the process ended. */
export async function killAndWait(
  context: Pick<EngineContext, 'clock'>,
  entry: ContainerEntry,
  process: RunningContainer,
): Promise<ExitRecord> {
  await process.kill(sigkill);
  // Without a PID namespace of its own, the init does not take the others with it.
  if (entry.definition.configuration.host.pidMode !== '') await process.killAll();
  await process.resume();
  const soon = await exitWithin(context, process, patience.initMilliseconds);
  if (soon !== undefined) return soon;
  await process.killAll();
  const exit = await exitWithin(context, process, patience.allMilliseconds);
  if (exit !== undefined) return exit;
  throw internal('kill-without-effect', `container ${entry.id} was killed but did not end`, {
    hint: 'a process that waits for a device or a network file system cannot be killed until that answers',
  });
}

/** Signals by which a user means the end: restart policies respect it. */
function meansTheEnd(entry: ContainerEntry, signal: number): boolean {
  return signal === sigkill || signal === sigterm || signal === parseSignal(entry.definition.effective.stopSignal);
}

export async function killContainer(
  context: EngineContext,
  entry: ContainerEntry,
  reference: string,
  signalText: string,
): Promise<void> {
  const signal = signalText === '' ? sigkill : parseSignal(signalText);
  await context.mutex.run(entry.id, async () => {
    const { id, state } = entry.view();
    allow(refuse.kill({ id, name: reference, state }));
    await sendSignal(context, entry, signal);
  });
}

/** A user wants the end. Only restart policies care, so without one the exit's own commit is early enough. */
export function markStopped(entry: ContainerEntry): void {
  if (entry.state.manuallyStopped) return;
  if (entry.definition.configuration.host.restartPolicy.name === 'no') entry.note({ manuallyStopped: true });
  else entry.change({ manuallyStopped: true });
}

/** In the container's mutex, with a process there. */
export async function sendSignal(context: EngineContext, entry: ContainerEntry, signal: number): Promise<void> {
  const { process, state } = entry;
  if (process === undefined) return;
  const end = meansTheEnd(entry, signal);
  if (end) markStopped(entry);
  await context.step('kill: intended');
  const sent = process.kill(signal);
  // Told before it is known to have arrived: the end may be noticed in the same turn, and comes after its cause.
  publish(context, entry, 'kill', { signal: String(signal) });
  await sent;
  if (signal === sigkill && entry.definition.configuration.host.pidMode !== '') await process.killAll();
  if (end && state.status === 'paused') {
    // A frozen process gets no signal: as in Docker, what was sent takes effect now.
    await process.resume();
    if (entry.process === process && entry.state.status === 'paused') entry.change({ status: 'running' });
  }
}
