import { rm } from 'node:fs/promises';
import { describeError, internal } from '../base/index.ts';
import { dropPending } from './attach.ts';
import type { ContainerEntry } from './container-entry.ts';
import { containerDirectory, type EngineContext, publish, stateDirectory } from './context.ts';
import { endRun } from './exit.ts';
import { killAndWait } from './kill.ts';
import { allow, refuse } from './status.ts';
import type { ContainerFilter } from './types.ts';

export interface RemoveOptions {
  readonly force: boolean;
  readonly volumes: boolean;
}

export async function removeContainer(
  context: EngineContext,
  entry: ContainerEntry,
  options: RemoveOptions,
): Promise<void> {
  await context.mutex.run(entry.id, async () => {
    allow(refuse.remove(entry.view(), options.force));
    const before = entry.state;
    entry.change({ status: 'removing', removeVolumes: options.volumes || before.removeVolumes });
    entry.cancelRestart?.();
    entry.cancelRestart = undefined;
    await context.step('remove: intended');
    const { process } = entry;
    if (process !== undefined) {
      try {
        publish(context, entry, 'kill', { signal: '9' });
        endRun(context, entry, process, await killAndWait(context, entry, process));
      } catch (error) {
        // It still runs: say so, rather than hide it behind a removal that does not come.
        entry.change({ status: before.status, removeVolumes: before.removeVolumes });
        throw error;
      }
    }
    await finishRemoval(context, entry);
  });
}

/**
 * Second half of a removal, in the container's mutex, with the intent stored and no process left: also entered after an exit with
 * autoRemove, and by reconciliation. The client waits for ports, volumes and the row; files that a dying mount namespace still
 * uses go later, and after a crash with the next start, which finds them without a row.
 */
export async function finishRemoval(context: EngineContext, entry: ContainerEntry): Promise<void> {
  const { id, state, definition } = entry;
  if (context.table.get(id) !== entry) return;
  const { release } = entry;
  try {
    // A cgroup below a parent of the user's choice is found through the row alone: that stays until the group is gone.
    await (definition.configuration.host.cgroupParent === '' ? release?.network : release?.all);
    const files = removeFiles(context, id);
    await Promise.all([
      release === undefined ? files() : undefined,
      state.removeVolumes ? removeVolumes(context, entry) : undefined,
    ]);
    await context.step('remove: files gone');
    context.store.delete(id);
    if (release !== undefined) context.background(`removing the files of ${id}`, release.all.then(files));
  } catch (error) {
    const message = `cannot remove container "/${entry.name}": ${describeError(error)}`;
    entry.observe({ status: 'dead', error: message }, () => undefined);
    throw internal('removal-failed', message, { cause: error, hint: 'remove it again when the cause is gone' });
  }
  await context.step('remove: row gone');
  context.table.delete(id);
  context.execs.forget(id);
  dropPending(entry);
  publish(context, entry, 'destroy');
  entry.waiters.removed({ exitCode: state.exitCode, error: undefined });
}

function removeFiles(context: EngineContext, id: string): () => Promise<void> {
  return async () => {
    const results = await Promise.allSettled([
      context.snapshots.remove(id),
      rm(containerDirectory(context, id), { recursive: true, force: true }),
      rm(stateDirectory(context, id), { recursive: true, force: true }),
    ]);
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    if (failures.length > 0) throw new Error(failures.map(describeError).join('; '), { cause: failures[0] });
  };
}

/** Those that were made for this container alone, unless somebody else mounts them by now. */
async function removeVolumes(context: EngineContext, { definition }: ContainerEntry): Promise<void> {
  for (const name of definition.anonymousVolumes) {
    try {
      await context.volumes.remove(name, { force: true });
    } catch (error) {
      context.log.debug({ volume: name, err: error }, `volume ${name} stays: ${describeError(error)}`);
    }
  }
}

/** A container whose row cannot be read: only force removes it, since nobody knows what it holds. */
export async function removeDamaged(context: EngineContext, id: string): Promise<void> {
  await context.mutex.run(id, async () => {
    await context.runtime.discard(id, stateDirectory(context, id), `${context.cgroupParent}/${id}`);
    await context.networks.release(id);
    await removeFiles(context, id)();
    context.store.delete(id);
    context.table.delete(id);
  });
}

export async function pruneContainers(
  context: EngineContext,
  matches: ContainerFilter,
): Promise<{ readonly removed: readonly string[]; readonly spaceReclaimed: number }> {
  const removed: string[] = [];
  let spaceReclaimed = 0;
  for (const entry of context.table.list()) {
    if (refuse.remove(entry.view(), false) !== undefined || !matches(entry.view())) continue;
    try {
      const size = await context.snapshots.usage(entry.id);
      await removeContainer(context, entry, { force: false, volumes: false });
      removed.push(entry.id);
      spaceReclaimed += size;
    } catch (error) {
      // Started or removed by somebody else in between, or not removable: the others go on.
      context.log.warn({ id: entry.id, err: error }, `prune left container ${entry.name}: ${describeError(error)}`);
    }
  }
  context.events.publish({
    type: 'container',
    action: 'prune',
    actor: { id: '', attributes: { reclaimed: String(spaceReclaimed) } },
  });
  return { removed, spaceReclaimed };
}
