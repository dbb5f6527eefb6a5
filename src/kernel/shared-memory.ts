import { readFileSync } from 'node:fs';
import { hasErrno, KernelError } from './kernel-error.ts';
import { errno } from './errno.ts';
import { check, libc } from './libc.ts';
import { parseMountTable } from './proc.ts';

const mountCall = libc.func(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
const unmountCall = libc.func('int umount2(const char *target, int flags)');

const noSetUid = 2;
const noDevices = 4;
const noExecute = 8;
const detach = 2;

/**
 * Mounts a tmpfs on an empty host directory: the /dev/shm of a container that shares it. Such a one has to be on the
 * host, since the kernel lets nobody bind a mount of another mount namespace.
 * @param options tmpfs options, e.g. "mode=1777", "size=65536"
 */
export function mountSharedMemory(path: string, options: readonly string[]): void {
  check('mount', mountCall('shm', path, 'tmpfs', noSetUid | noDevices | noExecute, options.join(',')), path);
}

/** Takes the mount at `path` away; it goes on for those who have it mounted elsewhere. No error when there is none. */
export function unmountSharedMemory(path: string): void {
  try {
    check('umount2', unmountCall(path, detach), path);
  } catch (error) {
    if (!hasErrno(error, 'EINVAL', 'ENOENT')) throw error;
  }
}

/**
 * Where on the host the file system is mounted that process `pid` sees at `target`: found by its device number.
 * Throws ENOENT when it is nowhere.
 */
export function hostMountOf(pid: number, target: string): string {
  const read = (who: number | 'self') => parseMountTable(readFileSync(`/proc/${who}/mountinfo`, 'utf8'));
  // The last one at a place is what is seen there.
  const theirs = read(pid).findLast((entry) => entry.target === target);
  const ours = theirs && read('self').find(({ device, root }) => device === theirs.device && root === theirs.root);
  if (ours === undefined) throw new KernelError({ call: 'mountinfo', errno: errno.ENOENT, subject: target });
  return ours.target;
}
