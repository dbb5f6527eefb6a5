import { openFlags } from './files.ts';
import { check, libc } from './libc.ts';

const pipe2 = libc.func('int pipe2(_Out_ int *descriptors, int flags)');

/** A pipe; both ends are close-on-exec and block. The caller closes them. */
export function createPipe(): { readonly read: number; readonly write: number } {
  const ends = new Int32Array(2);
  check('pipe2', pipe2(ends, openFlags.closeOnExec) as number);
  return { read: ends[0] ?? -1, write: ends[1] ?? -1 };
}
