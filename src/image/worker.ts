import { parentPort } from 'node:worker_threads';
import { CortenError, describeError } from '../base/index.ts';
import { close, openat2, openFlags, syncFileSystem, workingDirectory } from '../kernel/files.ts';
import { Root } from '../kernel/rooted.ts';
import { changesOf } from './tree-changes.ts';
import { usageOf } from './tree-usage.ts';
import type { Task, TaskFailure, TaskReply, TaskRequest, TaskResults } from './tasks.ts';
import { unpackLayer } from './unpack.ts';

/* The thread that does what blocks on the disk. Started by workers.ts. */

async function perform(task: Task): Promise<TaskResults[Task['kind']]> {
  switch (task.kind) {
    case 'unpack':
      return unpackLayer(task);
    case 'remove-tree': {
      using parent = Root.open(task.parent);
      parent.removeTree(task.name);
      return undefined;
    }
    case 'usage':
      return usageOf(task.directory);
    case 'changes':
      return changesOf(task.upper, task.lower);
    case 'sync': {
      const directory = openat2(workingDirectory, task.directory, openFlags.readOnly | openFlags.directory);
      try {
        syncFileSystem(directory);
      } finally {
        close(directory);
      }
      return undefined;
    }
  }
}

function failureOf(error: unknown): TaskFailure {
  const corten = error instanceof CortenError ? error : undefined;
  return { kind: corten?.kind, code: corten?.code, message: describeError(error) };
}

const port = parentPort;
if (port !== null) {
  port.on('message', ({ id, task }: TaskRequest) => {
    perform(task).then(
      (result) => port.postMessage({ id, result } satisfies TaskReply),
      (error: unknown) => port.postMessage({ id, failure: failureOf(error) } satisfies TaskReply),
    );
  });
}
