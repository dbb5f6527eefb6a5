import { writeSync } from 'node:fs';

function code(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes all bytes before it returns, so that process.exit loses none, whatever the descriptor is. A reader that went away
 * (`corten logs | head`) ends the process quietly, as SIGPIPE would.
 */
export function writeAll(descriptor: 1 | 2, data: string | Uint8Array): void {
  let rest = typeof data === 'string' ? Buffer.from(data) : data;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      if (code(error) === 'EPIPE') process.exit(141);
      if (code(error) !== 'EAGAIN') throw error;
      // Someone else made the descriptor non-blocking; there is no event to wait for on it here.
      Atomics.wait(pause, 0, 0, 5);
    }
  }
}

export function print(text: string): void {
  writeAll(1, text);
}

export function printLine(text: string): void {
  writeAll(1, `${text}\n`);
}

export function complain(text: string): void {
  writeAll(2, `${text}\n`);
}
