import koffi from 'koffi';
import { KernelError } from './kernel-error.ts';

/** The C library. Only files of src/kernel declare functions on it. */
export const libc = koffi.load('libc.so.6');

/** errno of the last foreign call on this thread. Read it before anything else runs. */
export function lastErrno(): number {
  return koffi.errno();
}

/**
 * Returns `result` when it is not negative; otherwise throws a KernelError from errno.
 * @param call name of the system call, for the message
 * @param subject what it was about, for the message
 */
export function check(call: string, result: number, subject?: string, hint?: string): number {
  if (result >= 0) return result;
  throw new KernelError({ call, errno: lastErrno(), subject, hint });
}
