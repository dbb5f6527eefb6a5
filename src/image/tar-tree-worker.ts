import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { close } from '../kernel/files.ts';
import { writeTree } from './tar-tree.ts';

/* The thread that writes one tree into a pipe; started by tar-tree-stream.ts. A reader that is slow blocks it, and nobody else. */

export interface TreeStreamRequest {
  readonly root: number;
  readonly output: number;
}

const { root, output } = workerData as TreeStreamRequest;
// From here on the descriptors are ours to close.
parentPort?.postMessage('started');
try {
  writeTree(root, (bytes) => {
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(output, bytes, offset);
  });
} finally {
  // The last descriptor of a mount unmounts it, which may sync for a long time: here, not on the event loop.
  close(root);
  close(output);
}
