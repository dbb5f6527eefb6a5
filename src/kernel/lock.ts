import { closeSync, openSync } from 'node:fs';
import { hasErrno } from './kernel-error.ts';
import { check, libc } from './libc.ts';

const flock = libc.func('int flock(int fd, int operation)');
const lockExclusive = 2;
const lockNonBlocking = 4;

/**
 * Takes an exclusive flock(2) on `path` (made when missing). The kernel drops it when the process dies, however it
 * dies, so no stale lock is left. Returns undefined when another process holds it, otherwise a function that unlocks.
 */
export function tryLock(path: string): (() => void) | undefined {
  return lockDescriptor(openSync(path, 'a', 0o600), path);
}

/** As tryLock, on a file or directory that is there anyway: nothing is made, and nothing is left. */
export function tryLockExisting(path: string): (() => void) | undefined {
  return lockDescriptor(openSync(path, 'r'), path);
}

function lockDescriptor(descriptor: number, path: string): (() => void) | undefined {
  try {
    check('flock', flock(descriptor, lockExclusive | lockNonBlocking) as number, path);
  } catch (error) {
    closeSync(descriptor);
    if (hasErrno(error, 'EWOULDBLOCK', 'EAGAIN')) return undefined;
    throw error;
  }
  return () => closeSync(descriptor);
}
