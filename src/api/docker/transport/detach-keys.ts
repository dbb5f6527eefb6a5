import { Transform, type TransformCallback } from 'node:stream';
import { invalidArgument } from '../../../base/index.ts';

export const defaultDetachKeys = 'ctrl-p,ctrl-q';

const named: Readonly<Record<string, number>> = {
  'ctrl-@': 0,
  'ctrl-[': 27,
  'ctrl-\\': 28,
  'ctrl-]': 29,
  'ctrl-^': 30,
  'ctrl-_': 31,
};

function keyCode(key: string): number {
  const code = named[key];
  if (code !== undefined) return code;
  const control = /^ctrl-([a-z])$/.exec(key);
  if (control?.[1] !== undefined) return control[1].charCodeAt(0) - 96;
  if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
  throw invalidArgument('invalid-detach-keys', `Invalid detach keys (${key}) provided`);
}

/** "ctrl-p,ctrl-q" as the bytes that a terminal sends; "" is the default. */
export function parseDetachKeys(text: string): Buffer {
  return Buffer.from((text === '' ? defaultDetachKeys : text).split(',').map(keyCode));
}

/**
 * Passes a terminal's input on until the detach sequence comes; then calls `detached` and drops the rest. Bytes of a sequence
 * that was begun are held back until it is completed or broken, so that the container never sees half of it.
 */
export class DetachKeys extends Transform {
  readonly #sequence: Buffer;
  readonly #detached: () => void;
  #matched = 0;
  #done = false;

  constructor(sequence: Buffer, detached: () => void) {
    super();
    this.#sequence = sequence;
    this.#detached = detached;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    if (this.#done) {
      callback();
      return;
    }
    const held = this.#matched;
    // Nothing held back and no first key in it: the usual chunk goes on as it is.
    if (held === 0 && !chunk.includes(this.#sequence[0] ?? 0)) {
      callback(null, chunk);
      return;
    }
    const output: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#sequence[this.#matched] && this.#matched > 0) {
        output.push(...this.#sequence.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#sequence[this.#matched]) {
        output.push(byte);
        continue;
      }
      this.#matched += 1;
      if (this.#matched === this.#sequence.length) {
        this.#done = true;
        break;
      }
    }
    if (output.length > 0) this.push(Buffer.from(output));
    callback();
    if (this.#done) this.#detached();
  }

  override _flush(callback: TransformCallback): void {
    if (!this.#done && this.#matched > 0) this.push(this.#sequence.subarray(0, this.#matched));
    callback();
  }
}
