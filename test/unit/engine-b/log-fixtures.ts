import { appendFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Log, timestampFromNanoseconds } from '../../../src/base/index.ts';
import { type ReadLogsRequest, readLogs } from '../../../src/engine/logs.ts';
import type { LogOptions } from '../../../src/engine/types.ts';

/** Writers of the two log formats and a reader of frames, independent of what is tested. */

export interface Written {
  readonly stream: 1 | 2;
  readonly nanoseconds: bigint;
  /** As the process wrote it; the line feed included. */
  readonly payload: Buffer;
}

export function jsonLine({ stream, nanoseconds, payload }: Written): Buffer {
  const time = timestampFromNanoseconds(nanoseconds).replace(/\.?0+Z$/, 'Z');
  const record = { log: payload.toString(), stream: stream === 1 ? 'stdout' : 'stderr', time };
  return Buffer.from(`${JSON.stringify(record)}\n`);
}

export function localRecord({ stream, nanoseconds, payload }: Written): Buffer {
  const header = Buffer.alloc(14);
  const ends = payload.at(-1) === 0x0a;
  const content = ends ? payload.subarray(0, -1) : payload;
  header.writeUInt32BE(content.length, 0);
  header[4] = stream;
  header[5] = ends ? 0 : 1;
  header.writeBigUInt64BE(nanoseconds, 6);
  return Buffer.concat([header, content]);
}

export const encoders = { 'json-file': jsonLine, local: localRecord } as const;

export interface Frame {
  readonly stream: number;
  readonly payload: Buffer;
}

export function parseFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = bytes.readUInt32BE(offset + 4);
    frames.push({ stream: bytes[offset] ?? 0, payload: bytes.subarray(offset + 8, offset + 8 + length) });
    offset += 8 + length;
  }
  return frames;
}

export async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export const everything: LogOptions = {
  stdout: true,
  stderr: true,
  follow: false,
  timestamps: false,
  details: false,
  tail: undefined,
  sinceNanoseconds: undefined,
  untilNanoseconds: undefined,
};

export class LogDirectory implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'corten-logs-'));
  readonly path = join(this.directory, 'container.log');
  readonly warnings: string[] = [];
  readonly log: Log = {
    debug() {},
    info() {},
    warn: (_fields, message) => {
      this.warnings.push(message);
    },
    error: (_fields, message) => {
      this.warnings.push(message);
    },
  };

  append(bytes: Buffer | string): void {
    appendFileSync(this.path, bytes);
  }

  /** As the monitor does it: .1 -> .2, then the file itself -> .1; the new file appears with the next write. */
  rotate(files: number): void {
    for (let index = files - 2; index >= 0; index -= 1) {
      const from = index === 0 ? this.path : `${this.path}.${index}`;
      if (existsSync(from)) renameSync(from, `${this.path}.${index + 1}`);
    }
  }

  async open(options: Partial<LogOptions>, request: Partial<ReadLogsRequest> = {}): Promise<Readable> {
    return await readLogs({
      path: this.path,
      driver: 'json-file',
      tty: false,
      options: { ...everything, ...options },
      ended: Promise.resolve(),
      signal: new AbortController().signal,
      log: this.log,
      ...request,
    });
  }

  async read(options: Partial<LogOptions>, request: Partial<ReadLogsRequest> = {}): Promise<Buffer> {
    return await collect(await this.open(options, request));
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
