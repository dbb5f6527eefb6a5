import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../base/index.ts';
import { hasErrno } from '../kernel/index.ts';
import type { ExitRecord, ProcessRecord, RunningContainer } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import { containersDirectory, type EngineContext, stateDirectory } from './context.ts';
import { execsDirectory } from './exec-process.ts';
import { followExit, ranMilliseconds, recordEnd, scheduleRestart } from './exit.ts';
import { startProber } from './health-check.ts';
import { cgroupPath } from './launch-request.ts';
import { finishRemoval } from './remove.ts';
import { shouldStartWithDaemon } from './restart-policy.ts';
import { startContainer } from './start.ts';
import { hasProcess } from './status.ts';
import { storedConfiguration } from './stored-configuration.ts';
import { parseTimestamp, zeroTimestamp } from '../base/index.ts';

/** What Docker shows for a process that ended while nobody looked, with the host for example. */
const unknownExitCode = 255;

/**
 * Brings rows and kernel together after the daemon was away, by a crash or not: takes up what still runs, records what ended,
 * finishes removals, undoes starts that were cut off (processes that no row has), and removes what no row owns. A failure with one
 * container is logged and does not hold up the others.
 */
export async function reconcile(context: EngineContext): Promise<void> {
  const entries = context.table.list();
  await Promise.all(entries.map((entry) => careful(context, entry.id, () => takeUp(context, entry))));
  await sweep(context);
  const running = entries.flatMap((entry) =>
    entry.process === undefined ? [] : [{ containerId: entry.id, pid: entry.process.record.pid }],
  );
  await careful(context, 'network', () => context.networks.reconcile(running));
}

/** After everything else: starts containers that policies want running, without waiting for them. */
export function applyRestartPolicies(context: EngineContext): void {
  context.lifecycle.active = true;
  for (const entry of context.table.list()) {
    const { status, exitCode, manuallyStopped, startedAt, finishedAt, restartCount } = entry.state;
    if (status === 'restarting') {
      scheduleRestart(context, entry, 0);
      continue;
    }
    if (status !== 'exited' || startedAt === zeroTimestamp) continue;
    const run = {
      exitCode,
      manuallyStopped,
      restartCount,
      ranMilliseconds: ranMilliseconds(startedAt, parseTimestamp(finishedAt) ?? 0n),
    };
    if (!shouldStartWithDaemon(entry.definition.configuration.host.restartPolicy, run)) continue;
    context.background(`starting container ${entry.name} by its restart policy`, startContainer(context, entry));
  }
}

async function careful(context: EngineContext, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.log.error({ err: error }, `reconciling ${what} failed: ${describeError(error)}`);
  }
}

async function takeUp(context: EngineContext, entry: ContainerEntry): Promise<void> {
  const { state } = entry;
  const { process } = state;
  if (process !== undefined) {
    const found = await recover(context, entry, process);
    if (isRunning(found)) {
      await resume(context, entry, found);
      return;
    }
    recordEnd(context, entry, found, Promise.resolve());
    await entry.release?.all;
  } else if (hasProcess(state.status)) {
    entry.change({ status: 'exited', exitCode: unknownExitCode });
  }
  const { status } = entry.state;
  const { autoRemove } = entry.definition.configuration.host;
  const ended = status === 'exited' && autoRemove;
  if (ended) entry.change({ status: 'removing', removeVolumes: true });
  if (ended || status === 'removing') {
    // Its end was stored, and maybe not more: nothing would lead to its cgroup any more once the row is gone.
    if (process === undefined) await discardRun(context, entry.id);
    await context.mutex.run(entry.id, () => finishRemoval(context, entry));
  }
}

/** What a run left in the kernel and in the exec root. */
async function discardRun(context: EngineContext, id: string): Promise<void> {
  const entry = context.table.get(id);
  const path =
    entry === undefined ? `${context.cgroupParent}/${id}` : cgroupPath(context, entry.definition.configuration, id);
  await context.runtime.discard(id, stateDirectory(context, id), path);
}

const isRunning = (found: RunningContainer | ExitRecord): found is RunningContainer => 'record' in found;

async function recover(
  context: EngineContext,
  entry: ContainerEntry,
  record: ProcessRecord,
): Promise<RunningContainer | ExitRecord> {
  const found = await context.runtime.recover(record, await storedConfiguration(context, entry));
  return (
    found ?? { exitCode: unknownExitCode, oomKilled: false, finishedAtNanoseconds: context.clock.nowNanoseconds() }
  );
}

async function resume(context: EngineContext, entry: ContainerEntry, process: RunningContainer): Promise<void> {
  entry.process = process;
  followExit(context, entry, process);
  const { status } = entry.state;
  if (status === 'removing') {
    // A forced removal that was cut off before it killed.
    await process.resume();
    await process.killAll();
    const exit = await process.exited;
    if (entry.process === process) {
      entry.process = undefined;
      recordEnd(context, entry, exit, process.released);
    }
    await context.mutex.run(entry.id, () => finishRemoval(context, entry));
    return;
  }
  // The row is the truth about being frozen: a crash can have come between the freezer and the commit.
  if (status === 'paused') await process.pause();
  else await process.resume();
  startProber(context, entry, process);
}

/** Removes kernel objects and files of containers that have no row, or whose row has no process. */
async function sweep(context: EngineContext): Promise<void> {
  const isOwned = (id: string): boolean => context.table.knows(id) && !isIdle(context, id);
  await careful(context, 'leftovers', async () => {
    const leftovers = new Set((await context.runtime.leftovers()).map(({ id }) => id));
    await Promise.all(
      [...leftovers]
        .filter((id) => !isOwned(id))
        .map((id) => careful(context, `leftovers of ${id}`, () => discardRun(context, id))),
    );
  });
  await careful(context, 'writable layers', async () => {
    const orphans = context.snapshots.containers().filter((id) => !context.table.knows(id));
    await Promise.all(orphans.map((id) => careful(context, `layer of ${id}`, () => context.snapshots.remove(id))));
  });
  await careful(context, 'container directories', async () => {
    const directory = containersDirectory(context);
    for (const name of await namesIn(directory)) {
      if (!context.table.knows(name)) await rm(join(directory, name), { recursive: true, force: true });
    }
  });
  await careful(context, 'exec directories', async () => {
    const directory = execsDirectory(context);
    // Monitors of execs that were cut off may be writing into theirs.
    const patient = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 } as const;
    for (const name of await namesIn(directory)) await rm(join(directory, name), patient);
  });
}

/** Known, readable, and without a process: then nothing of it may be in the kernel. */
function isIdle(context: EngineContext, id: string): boolean {
  const entry = context.table.get(id);
  return entry !== undefined && entry.process === undefined;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
