import { bar } from '../image/progress.ts';
import { writeAll } from './output.ts';
import { humanSize } from './units.ts';

/** Between two drawings, in milliseconds. */
const interval = 100;

/** A line on a terminal's stderr that counts bytes, and shows a bar when the whole is known. Nothing when it is piped. */
export class Meter {
  readonly #verb: string;
  readonly #total: number | undefined;
  readonly #visible = process.stderr.isTTY;
  readonly #started = Date.now();
  #drawn = 0;
  #bytes = 0;

  constructor(verb: string, total: number | undefined) {
    this.#verb = verb;
    this.#total = total;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    const now = Date.now();
    // What takes less than a moment needs no progress.
    if (!this.#visible || now - this.#drawn < interval || now - this.#started < 3 * interval) return;
    this.#drawn = now;
    const whole = this.#total;
    const amount = humanSize(this.#bytes, 3);
    const line = whole === undefined ? amount : `${bar(this.#bytes, whole)} ${amount} / ${humanSize(whole, 3)}`;
    writeAll(2, `\r\u001b[2K${this.#verb} ${line}`);
  }

  finish(): void {
    if (this.#drawn > 0) writeAll(2, '\r\u001b[2K');
  }
}
