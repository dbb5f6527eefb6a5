import { parentPort } from 'node:worker_threads';
import { describeError } from '../base/index.ts';
import { performTreeTask, type TreeTask } from './tree-tasks.ts';

/** The worker's end of TreeWorker: one task at a time. */

interface TreeRequest {
  readonly id: number;
  readonly task: TreeTask;
}

const port = parentPort;
port?.on('message', ({ id, task }: TreeRequest) => {
  try {
    port.postMessage({ id, result: performTreeTask(task) });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    port.postMessage({ id, failure: describeError(error), code });
  }
});
