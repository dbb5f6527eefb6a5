import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { CortenError, errorKinds, internal } from '../base/index.ts';
import type { Task, TaskFailure, TaskReply, TaskRequest, TaskResults } from './tasks.ts';

interface Pending {
  readonly resolve: (result: TaskResults[Task['kind']]) => void;
  readonly reject: (error: Error) => void;
}

/** Idle workers end after this time, since each holds some 10 MB. */
const idleMilliseconds = 30_000;

function revived(failure: TaskFailure): Error {
  const kind = errorKinds.find((candidate) => candidate === failure.kind);
  if (kind !== undefined && failure.code !== undefined) {
    return new CortenError(kind, failure.message, { code: failure.code });
  }
  return internal('disk-task-failed', failure.message);
}

class Thread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #next = 0;

  constructor(onExit: () => void) {
    // Descriptors are opened by system calls of our own, which Node cannot track.
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { trackUnmanagedFds: false });
    // A thread that waits for work must not keep the process.
    this.#worker.unref();
    this.#worker.on('message', (reply: TaskReply) => this.#settle(reply));
    this.#worker.on('error', (error: unknown) => this.#failAll(error));
    this.#worker.on('exit', () => {
      this.#failAll(new Error('the thread ended'));
      onExit();
    });
  }

  get load(): number {
    return this.#pending.size;
  }

  run(task: Task): Promise<TaskResults[Task['kind']]> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, task } satisfies TaskRequest);
    });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: TaskReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (pending === undefined) return;
    if ('failure' in reply) pending.reject(revived(reply.failure));
    else pending.resolve(reply.result);
  }

  #failAll(cause: unknown): void {
    for (const { reject } of this.#pending.values()) {
      reject(internal('disk-thread-ended', 'the thread for disk work ended', { cause }));
    }
    this.#pending.clear();
  }
}

/** Threads for work that blocks on the disk: started when needed, one a CPU, ended when idle. */
export class DiskWorkers {
  readonly #threads = new Set<Thread>();
  #idle: NodeJS.Timeout | undefined;

  async run<K extends Task['kind']>(task: Extract<Task, { kind: K }>): Promise<TaskResults[K]> {
    clearTimeout(this.#idle);
    try {
      // The worker answers each kind of task with its kind of result.
      return (await this.#thread().run(task)) as TaskResults[K];
    } finally {
      this.#scheduleStop();
    }
  }

  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    const threads = [...this.#threads];
    this.#threads.clear();
    await Promise.all(threads.map((thread) => thread.stop()));
  }

  #thread(): Thread {
    const [least] = [...this.#threads].toSorted((a, b) => a.load - b.load);
    if (least !== undefined && (least.load === 0 || this.#threads.size >= availableParallelism())) return least;
    const thread = new Thread(() => this.#threads.delete(thread));
    this.#threads.add(thread);
    return thread;
  }

  #scheduleStop(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      for (const thread of this.#threads) {
        if (thread.load > 0) continue;
        this.#threads.delete(thread);
        // Ending an idle thread can only fail when it has ended.
        thread.stop().catch(() => undefined);
      }
    }, idleMilliseconds);
    this.#idle.unref();
  }
}
