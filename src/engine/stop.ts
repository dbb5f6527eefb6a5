import { CortenError } from '../base/index.ts';
import type { RunningContainer } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, publish } from './context.ts';
import { endRun } from './exit.ts';
import { exitWithin, killAndWait, markStopped, sendSignal } from './kill.ts';
import { parseSignal } from './signals.ts';
import { startContainer } from './start.ts';
import { allow, canStop, refuse } from './status.ts';

export interface StopOptions {
  /** undefined: the container's own; negative: without limit. */
  readonly timeoutSeconds: number | undefined;
  readonly signal: string | undefined;
}

/** setTimeout's limit. */
const longestMilliseconds = 2 ** 31 - 1;

/**
 * Stop signal, patience, SIGKILL. Only the sending is in the container's mutex: while one client waits here, another one may kill.
 * Throws not-modified `already-stopped`.
 */
export async function stopContainer(
  context: EngineContext,
  entry: ContainerEntry,
  options: StopOptions,
): Promise<void> {
  const { effective } = entry.definition;
  const signal = parseSignal(
    options.signal === undefined || options.signal === '' ? effective.stopSignal : options.signal,
  );
  const seconds = options.timeoutSeconds ?? effective.stopTimeoutSeconds;
  const process = await context.mutex.run(entry.id, async () => {
    allow(refuse.stop(entry.view()));
    if (entry.state.status === 'restarting') {
      callOffRestart(entry);
      return undefined;
    }
    const { process } = entry;
    await sendSignal(context, entry, signal);
    if (entry.process !== undefined) markStopped(entry);
    return process;
  });
  if (process !== undefined) await awaitEnd(context, entry, process, seconds);
  publish(context, entry, 'stop');
}

function callOffRestart(entry: ContainerEntry): void {
  entry.cancelRestart?.();
  entry.cancelRestart = undefined;
  entry.change({ status: 'exited', manuallyStopped: true });
  entry.waiters.exited({ exitCode: entry.state.exitCode, error: undefined });
}

async function awaitEnd(
  context: EngineContext,
  entry: ContainerEntry,
  process: RunningContainer,
  seconds: number,
): Promise<void> {
  if (seconds < 0) {
    endRun(context, entry, process, await process.exited);
    return;
  }
  const inTime = await exitWithin(context, process, Math.min(seconds * 1000, longestMilliseconds));
  if (inTime === undefined) publish(context, entry, 'kill', { signal: '9' });
  endRun(context, entry, process, inTime ?? (await killAndWait(context, entry, process)));
}

/** Docker's restart: a stop where it runs, then a start. A container with autoRemove stays. */
export async function restartContainer(
  context: EngineContext,
  entry: ContainerEntry,
  options: StopOptions,
): Promise<void> {
  entry.keepOnExit = true;
  try {
    if (canStop(entry.state.status)) await stopContainer(context, entry, options).catch(unlessStopped);
    await startContainer(context, entry);
  } finally {
    entry.keepOnExit = false;
  }
  publish(context, entry, 'restart');
}

/** It ended by itself just now: all the better. */
function unlessStopped(error: unknown): void {
  if (!(error instanceof CortenError) || error.code !== 'already-stopped') throw error;
}
