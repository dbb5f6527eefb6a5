import { usageFailure } from '../failure.ts';

export const defaultDetachKeys = 'ctrl-p,ctrl-q';

/** Bytes of "ctrl-p,ctrl-q" or "a,ctrl-@"; an empty text switches detaching off. */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return new Uint8Array();
  const bytes = text.split(',').map((key) => {
    const control = /^ctrl-(.)$/.exec(key)?.[1];
    if (control !== undefined && /[a-z@[\\\]^_]/.test(control)) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw usageFailure(
      `invalid detach keys (${text}) provided`,
      'keys are single characters or ctrl-<letter>, with commas between',
    );
  });
  return Uint8Array.from(bytes);
}

/** Watches typed bytes for the detach keys. Bytes that may be the start of them are held back until the next one decides. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What goes on to the container, and whether the keys were completed. */
  push(chunk: Uint8Array): { readonly passed: Uint8Array; readonly detached: boolean } {
    if (this.#keys.length === 0) return { passed: chunk, detached: false };
    const passed: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        passed.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#keys[this.#matched]) {
        passed.push(byte);
        continue;
      }
      this.#matched += 1;
      if (this.#matched === this.#keys.length) return { passed: Uint8Array.from(passed), detached: true };
    }
    return { passed: Uint8Array.from(passed), detached: false };
  }
}
