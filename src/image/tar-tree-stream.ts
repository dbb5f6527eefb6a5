import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { describeError, internal } from '../base/index.ts';
import { close } from '../kernel/files.ts';
import { createPipe } from '../kernel/pipe.ts';
import type { TreeStreamRequest } from './tar-tree-worker.ts';

/**
 * The tree below a directory descriptor as a tar stream. The archive is made in a thread of its own and comes through a pipe: when
 * the reader stops reading, the thread stops. Takes over `root` and closes it in the end; destroying the stream ends the work.
 */
export function tarTreeStream(root: number): Readable {
  const { read, write } = createPipe();
  const stream = new Socket({ fd: read, readable: true, writable: false });
  const worker = new Worker(new URL('./tar-tree-worker.ts', import.meta.url), {
    workerData: { root, output: write } satisfies TreeStreamRequest,
    trackUnmanagedFds: false,
  });
  let started = false;
  worker.once('message', () => {
    started = true;
  });
  worker.once('error', (error: unknown) => {
    stream.destroy(internal('archive-failed', `the archive could not be written: ${describeError(error)}`));
  });
  worker.once('exit', () => {
    if (started) return;
    close(root);
    close(write);
  });
  return stream;
}
