/** The messages of native/monitor.h: `struct hello` and `struct message`, little-endian, of one size. */

const helloMagic = 'CRTN';
export const helloBytes = 8;
export const messageBytes = 48;

export const helloKinds = { control: 1, attach: 2 } as const;
export const clientStreams = { stdin: 1, stdout: 2, stderr: 4, foreground: 8 } as const;

export const messageTypes = {
  started: 1,
  failed: 2,
  exited: 3,
  reply: 4,
  resize: 16,
  closeStdin: 17,
  kill: 18,
} as const;

/** What the monitor was at when it failed outside of any operation. */
export const failureStages = new Map([
  [1, 'reading the plan'],
  [2, 'listening on the monitor’s socket'],
  [3, 'making the standard streams'],
  [4, 'opening the log'],
  [5, 'joining the PID namespace'],
  [6, 'clone3'],
  [7, 'preparing the process'],
  [8, 'taking the terminal'],
]);

export interface Message {
  readonly type: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly wide: readonly [bigint, bigint, bigint, bigint];
}

export function encodeHello(kind: number, streams: number): Buffer {
  const bytes = Buffer.alloc(helloBytes);
  bytes.write(helloMagic, 'latin1');
  bytes[4] = kind;
  bytes[5] = streams;
  return bytes;
}

export function encodeRequest(type: number, a: number, b: number, c: number): Buffer {
  const bytes = Buffer.alloc(messageBytes);
  bytes.writeUInt32LE(type, 0);
  bytes.writeInt32LE(a, 4);
  bytes.writeInt32LE(b, 8);
  bytes.writeInt32LE(c, 12);
  return bytes;
}

/** Cuts a stream into messages. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Message[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: Message[] = [];
    while (this.#rest.length >= messageBytes) {
      const bytes = this.#rest;
      messages.push({
        type: bytes.readUInt32LE(0),
        a: bytes.readInt32LE(4),
        b: bytes.readInt32LE(8),
        c: bytes.readInt32LE(12),
        wide: [
          bytes.readBigUInt64LE(16),
          bytes.readBigUInt64LE(24),
          bytes.readBigUInt64LE(32),
          bytes.readBigUInt64LE(40),
        ],
      });
      this.#rest = bytes.subarray(messageBytes);
    }
    return messages;
  }
}
