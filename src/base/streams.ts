import { Readable } from 'node:stream';
import { callbackify } from 'node:util';

/**
 * A Readable of what `produce` yields. Unlike Readable.from, destroying it aborts the signal that `produce` got, so that a
 * producer which waits for something wakes up and its `finally` blocks run.
 */
export class ProducedReadable extends Readable {
  readonly #abort = new AbortController();
  readonly #iterator: AsyncIterator<Buffer>;
  #pulling = false;

  constructor(produce: (signal: AbortSignal) => AsyncIterable<Buffer>) {
    super();
    this.#iterator = produce(this.#abort.signal)[Symbol.asyncIterator]();
  }

  override _read(): void {
    if (this.#pulling) return;
    this.#pulling = true;
    this.#iterator.next().then(
      ({ done, value }) => {
        this.#pulling = false;
        if (this.destroyed) return;
        this.push(done === true ? null : value);
      },
      (error: unknown) => {
        this.#pulling = false;
        this.destroy(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#abort.abort();
    const finish = callbackify(async () => {
      await this.#iterator.return?.();
    });
    finish((failure) => callback(error ?? failure));
  }
}
