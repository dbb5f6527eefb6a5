import { closeSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { hasErrno } from './kernel-error.ts';
import { check, lastErrno, libc } from './libc.ts';

const memfdCreate = libc.func('int memfd_create(const char *name, uint flags)');
const fcntl = libc.func('int fcntl(int fd, int command, int argument)');
const socketpair = libc.func('int socketpair(int domain, int type, int protocol, _Out_ int *pair)');
const waitpid = libc.func('int waitpid(int pid, _Out_ int *status, int options)');

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
const F_DUPFD_CLOEXEC = 1030;
/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE */
const allSeals = 1 | 2 | 4 | 8;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0x80000;
const WNOHANG = 1;

/**
 * An anonymous file of the given content that nobody can ever change again, not even through /proc/PID/exe of a process
 * that runs it (CVE-2019-5736). Close-on-exec; the caller closes it.
 */
export function sealedFile(name: string, content: Uint8Array, executable = false): number {
  const descriptor = createMemoryFile(name, executable);
  try {
    for (let done = 0; done < content.length; ) done += writeSync(descriptor, content, done);
    check('fcntl', fcntl(descriptor, F_ADD_SEALS, allSeals), `seals of ${name}`);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function createMemoryFile(name: string, executable: boolean): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  if (!executable) return check('memfd_create', memfdCreate(name, flags), name);
  // Since Linux 6.3 a system may forbid executable ones that do not say so; older kernels do not know the flag.
  const descriptor: number = memfdCreate(name, flags | MFD_EXEC);
  if (descriptor >= 0 || lastErrno() !== constants.errno.EINVAL) return check('memfd_create', descriptor, name);
  return check('memfd_create', memfdCreate(name, flags), name);
}

/** Two connected stream sockets, close-on-exec. The caller closes both. */
export function socketPair(): readonly [number, number] {
  const pair: [number, number] = [-1, -1];
  check('socketpair', socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  return pair;
}

/** Another number, at least `minimum`, for an open file. Close-on-exec; the caller closes it. */
export function duplicateAbove(descriptor: number, minimum: number): number {
  return check('fcntl', fcntl(descriptor, F_DUPFD_CLOEXEC, minimum), `descriptor ${descriptor}`);
}

/**
 * Reaps a child if it has ended; never waits. libuv reaps only what it started itself, so the others are ours.
 * @returns whether there is nothing left to reap: it was reaped now, or it is no child of this process
 */
export function reapIfEnded(pid: number): boolean {
  try {
    return check('waitpid', waitpid(pid, [0], WNOHANG), String(pid)) === pid;
  } catch (error) {
    if (hasErrno(error, 'ECHILD')) return true;
    throw error;
  }
}
