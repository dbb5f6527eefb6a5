import { CortenError } from '../base/index.ts';
import type { WaitCondition } from './types.ts';

export interface WaitResult {
  readonly exitCode: number;
  readonly error: string | undefined;
}

type Listener = (result: WaitResult) => void;

/** Who waits for one container to end or to be removed. */
export class ExitWaiters {
  readonly #exit = new Set<Listener>();
  readonly #removal = new Set<Listener>();

  /** Registered when called. Rejects with cancelled when the signal aborts. */
  wait(condition: WaitCondition, signal: AbortSignal | undefined): Promise<WaitResult> {
    const listeners = condition === 'removed' ? this.#removal : this.#exit;
    return new Promise((resolve, reject) => {
      const cancelled = (): CortenError =>
        new CortenError('cancelled', 'waiting for the container was cancelled', { code: 'wait-cancelled' });
      if (signal?.aborted === true) {
        reject(cancelled());
        return;
      }
      const listener = (result: WaitResult): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve(result);
      };
      const onAbort = (): void => {
        listeners.delete(listener);
        reject(cancelled());
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      listeners.add(listener);
    });
  }

  /** The container ended, or an automatic restart begins: both end a wait for the exit. */
  exited(result: WaitResult): void {
    notify(this.#exit, result);
  }

  removed(result: WaitResult): void {
    notify(this.#exit, result);
    notify(this.#removal, result);
  }
}

function notify(listeners: Set<Listener>, result: WaitResult): void {
  const all = [...listeners];
  listeners.clear();
  for (const listener of all) listener(result);
}
