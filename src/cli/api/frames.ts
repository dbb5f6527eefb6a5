/** Takes the Engine API's frames apart: 1 byte stream (0 stdin, 1 stdout, 2 stderr), 3 bytes zero, 4 bytes length. */
export class FrameSplitter {
  readonly #deliver: (stream: 1 | 2, data: Uint8Array) => void;
  readonly #header = Buffer.alloc(8);
  #headerLength = 0;
  #remaining = 0;
  #stream: 1 | 2 = 1;

  constructor(deliver: (stream: 1 | 2, data: Uint8Array) => void) {
    this.#deliver = deliver;
  }

  /** Payloads are delivered as their bytes come in, not frame by frame. */
  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#remaining === 0) {
        const taken = rest.subarray(0, 8 - this.#headerLength);
        this.#header.set(taken, this.#headerLength);
        this.#headerLength += taken.length;
        rest = rest.subarray(taken.length);
        if (this.#headerLength < 8) return;
        this.#headerLength = 0;
        this.#stream = this.#header[0] === 2 ? 2 : 1;
        this.#remaining = this.#header.readUInt32BE(4);
        continue;
      }
      const payload = rest.subarray(0, this.#remaining);
      this.#remaining -= payload.length;
      rest = rest.subarray(payload.length);
      this.#deliver(this.#stream, payload);
    }
  }
}
