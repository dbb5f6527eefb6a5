import { rmdirSync, unlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno, unmountSharedMemory } from '../kernel/index.ts';

/** What lies in the state directory of a process. All of it is gone after a reboot, as the exec root is on a tmpfs. */
export function monitorPaths(stateDirectory: string): { readonly socketPath: string; readonly exitPath: string } {
  return { socketPath: join(stateDirectory, 'monitor.sock'), exitPath: join(stateDirectory, 'exit') };
}

/** The empty directory that the root is mounted on, in the container's mount namespace only. */
export function mountPointIn(stateDirectory: string): string {
  return join(stateDirectory, 'root');
}

/** Mount point of a /dev/shm that other containers may join. */
export function sharedMemoryIn(stateDirectory: string): string {
  return join(stateDirectory, 'shm');
}

/** The directory that holds the state directories of all containers of a daemon. */
export function containersDirectory(execRoot: string): string {
  return join(execRoot, 'containers');
}

const patientRemoval = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 } as const;

/**
 * Removes what the runtime and the monitor have put into a state directory. The known entries go at once (some 30 µs,
 * while a recursive removal costs half a millisecond of the thread pool); anything else in it takes the long way. A monitor
 * whose process was killed with the cgroup may be writing its exit record right now: then the directory fills again, once.
 */
export async function removeStateDirectory(stateDirectory: string): Promise<void> {
  const { socketPath, exitPath } = monitorPaths(stateDirectory);
  try {
    for (const path of [socketPath, exitPath]) ignoreMissing(() => unlinkSync(path));
    ignoreMissing(() => rmdirSync(mountPointIn(stateDirectory)));
    removeSharedMemory(sharedMemoryIn(stateDirectory));
    ignoreMissing(() => rmdirSync(stateDirectory));
  } catch (error) {
    if (!hasErrno(error, 'ENOTEMPTY', 'ENOTDIR', 'EISDIR', 'EPERM')) throw error;
    await rm(stateDirectory, patientRemoval);
  }
}

function removeSharedMemory(path: string): void {
  ignoreMissing(() => {
    try {
      rmdirSync(path);
    } catch (error) {
      if (!hasErrno(error, 'EBUSY')) throw error;
      unmountSharedMemory(path);
      rmdirSync(path);
    }
  });
}

function ignoreMissing(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}
