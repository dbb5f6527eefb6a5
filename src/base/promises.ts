import { describeError } from './errors.ts';
import type { Log } from './log.ts';

/**
 * Lets a promise run on its own. Its failure is logged under `what`, so that nothing is left floating
 * and nothing fails in silence.
 */
export function detach(log: Log, what: string, promise: Promise<unknown>): void {
  promise.catch((error: unknown) => {
    log.error({ err: error }, `${what} failed: ${describeError(error)}`);
  });
}

/** Runs tasks for the same key one after the other, and tasks of different keys at once. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const previous = this.#tails.get(key) ?? Promise.resolve();
    const current = previous.then(task, task);
    const tail = current.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await current;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
