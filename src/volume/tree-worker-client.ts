import { Worker } from 'node:worker_threads';
import { internal, resourceExhausted } from '../base/index.ts';
import type { TreeTask } from './tree-tasks.ts';

interface TreeReply {
  readonly id: number;
  readonly result?: number;
  readonly failure?: string;
  readonly code?: string;
}

/** A worker costs about 10 MB: it goes when it had nothing to do for this long. */
const idleMilliseconds = 10_000;

/** Carries out tasks on whole trees in a thread of its own, made when the first comes. */
export class TreeWorker {
  readonly #pending = new Map<number, { resolve(result: number): void; reject(error: Error): void }>();
  #worker: Worker | undefined;
  #nextId = 1;
  #idle: NodeJS.Timeout | undefined;

  /** @returns bytes for `usage`, 0 otherwise */
  async run(task: TreeTask): Promise<number> {
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    const id = this.#nextId;
    this.#nextId += 1;
    return await new Promise<number>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      // Nothing but waiting work keeps the process alive.
      worker.ref();
      worker.postMessage({ id, task });
    });
  }

  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#lose(worker, new Error('the daemon stops'));
    await worker.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./tree-worker.ts', import.meta.url), {
      // Its descriptors come from openat2, which Node does not know of.
      trackUnmanagedFds: false,
    });
    worker.on('message', (reply: TreeReply) => this.#settle(worker, reply));
    worker.on('error', (error: unknown) => this.#lose(worker, error));
    worker.on('exit', () => this.#lose(worker, new Error('it ended')));
    this.#worker = worker;
    return worker;
  }

  #settle(worker: Worker, reply: TreeReply): void {
    const waiting = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.failure === undefined) waiting?.resolve(reply.result ?? 0);
    else if (reply.code === 'ENOSPC')
      waiting?.reject(resourceExhausted('disk-full', `no space left: ${reply.failure}`));
    else waiting?.reject(internal('tree-task-failed', reply.failure));
    if (this.#pending.size > 0) return;
    worker.unref();
    this.#idle = setTimeout(() => {
      if (this.#worker === worker) this.#worker = undefined;
      worker.terminate().catch(() => undefined);
    }, idleMilliseconds).unref();
  }

  #lose(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const waiting of this.#pending.values()) {
      waiting.reject(internal('tree-worker-lost', 'the thread that works on directory trees is gone', { cause }));
    }
    this.#pending.clear();
  }
}
