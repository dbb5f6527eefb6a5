import { join } from 'node:path';

/** What lies in the state directory of a process. All of it is gone after a reboot, as the exec root is on a tmpfs. */
export function monitorPaths(stateDirectory: string): { readonly socketPath: string; readonly exitPath: string } {
  return { socketPath: join(stateDirectory, 'monitor.sock'), exitPath: join(stateDirectory, 'exit') };
}

/** The empty directory that the root is mounted on, in the container's mount namespace only. */
export function mountPointIn(stateDirectory: string): string {
  return join(stateDirectory, 'root');
}

/** The directory that holds the state directories of all containers of a daemon. */
export function containersDirectory(execRoot: string): string {
  return join(execRoot, 'containers');
}
