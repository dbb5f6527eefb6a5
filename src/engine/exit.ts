import { describeError, detach, parseTimestamp, timestampFromNanoseconds } from '../base/index.ts';
import type { ExitRecord, RunningContainer } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, publish, stateDirectory } from './context.ts';
import { cgroupPath } from './launch-request.ts';
import { publishDisconnect } from './network-events.ts';
import { shouldRestart } from './restart-policy.ts';
import type { ContainerStatus } from './types.ts';

/** Takes note of the end of a process whenever it comes. */
export function followExit(context: EngineContext, entry: ContainerEntry, process: RunningContainer): void {
  detach(
    context.log,
    `following container ${entry.id}`,
    process.exited.then((exit) => {
      endRun(context, entry, process, exit);
    }),
  );
}

/** A process ended. Does nothing when that is known already. */
export function endRun(
  context: EngineContext,
  entry: ContainerEntry,
  process: RunningContainer,
  exit: ExitRecord,
): void {
  if (entry.process !== process || context.lifecycle.stopped) return;
  entry.process = undefined;
  recordEnd(context, entry, exit, process.released);
}

/** How long a run lasted, in milliseconds. */
export function ranMilliseconds(startedAt: string, finishedAtNanoseconds: bigint): number {
  const started = parseTimestamp(startedAt) ?? finishedAtNanoseconds;
  return Math.max(Number((finishedAtNanoseconds - started) / 1_000_000n), 0);
}

/**
 * The one place where a run ends: commits how it ended and what follows by policy (a restart, the removal, or nothing), and
 * tells everybody who waits. It does not wait for anything, so that clients learn of the exit at once; what the run held in the
 * kernel is given back behind it.
 */
export function recordEnd(
  context: EngineContext,
  entry: ContainerEntry,
  exit: ExitRecord,
  released: Promise<void>,
): void {
  entry.stopProber?.();
  entry.stopProber = undefined;
  const { state } = entry;
  const { host } = entry.definition.configuration;
  const ran = ranMilliseconds(state.startedAt, exit.finishedAtNanoseconds);
  const isRemoving = state.status === 'removing';
  const { manuallyStopped, restartCount } = state;
  const restart =
    !isRemoving &&
    shouldRestart(host.restartPolicy, { exitCode: exit.exitCode, manuallyStopped, ranMilliseconds: ran, restartCount });
  const remove = !isRemoving && !restart && host.autoRemove && !entry.keepOnExit;
  const status: ContainerStatus = isRemoving || remove ? 'removing' : restart ? 'restarting' : 'exited';
  entry.release = releaseRun(context, entry, released);
  entry.observe(
    {
      status,
      exitCode: exit.exitCode,
      oomKilled: exit.oomKilled,
      finishedAt: timestampFromNanoseconds(exit.finishedAtNanoseconds),
      restartCount: restart ? restartCount + 1 : restartCount,
      process: undefined,
      endpoint: undefined,
      ...(remove ? { removeVolumes: true } : {}),
    },
    (error) => {
      context.log.error({ id: entry.id, err: error }, `the end of a container is not stored: ${describeError(error)}`);
    },
    // What is removed at its end is removed after a power cut too, which ends it as well.
    !remove,
  );
  if (exit.oomKilled) publish(context, entry, 'oom');
  publish(context, entry, 'die', {
    exitCode: String(exit.exitCode),
    execDuration: String(Math.floor(ran / 1000)),
  });
  entry.waiters.exited({ exitCode: exit.exitCode, error: undefined });
  if (remove) {
    context.background(`removing container ${entry.id}`, context.afterExit.remove(entry));
  }
  // Until reconciliation is through, and once the daemon stops, the row alone says that a restart is due.
  if (restart && context.lifecycle.active) scheduleRestart(context, entry, entry.backoff.next(ran));
}

export function scheduleRestart(context: EngineContext, entry: ContainerEntry, milliseconds: number): void {
  entry.cancelRestart = context.clock.after(milliseconds, () => {
    entry.cancelRestart = undefined;
    context.background(`restarting container ${entry.id}`, context.afterExit.restart(entry));
  });
}

/** Gives back what a run held, network first: its ports are what somebody else may wait for. */
function releaseRun(
  context: EngineContext,
  entry: ContainerEntry,
  released: Promise<void>,
): NonNullable<ContainerEntry['release']> {
  const { id, state } = entry;
  const { endpoint } = state;
  const path = state.process?.cgroupPath ?? cgroupPath(context, entry.definition.configuration, id);
  const report = (error: unknown): void => {
    context.log.error({ id, err: error }, `releasing what container ${id} held failed: ${describeError(error)}`);
  };
  const network = context.networks.release(id).then(() => {
    if (endpoint !== undefined) publishDisconnect(context, id, endpoint);
  }, report);
  const rest = released.then(() => context.runtime.discard(id, stateDirectory(context, id), path)).catch(report);
  const all = Promise.all([network, rest]).then(() => {
    if (entry.release === release) entry.release = undefined;
  });
  const release = { network, all };
  context.background(`releasing container ${id}`, all);
  return release;
}
