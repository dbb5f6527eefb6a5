import type { FileHandle } from 'node:fs/promises';
import { timestampFromNanoseconds } from '../base/index.ts';
import {
  endsTail,
  type LogDecoder,
  type LogFormat,
  type LogRecord,
  type LogStream,
  type ReportCorruption,
  type TailCount,
} from './log-record.ts';

/**
 * The `local` driver's records: u32 big-endian payload length, u8 stream (1, 2), u8 flags (1: no line feed came, because the line is
 * longer than a record or the output ended), u64 big-endian nanoseconds since the epoch, payload without the line feed.
 */

const headerBytes = 14;
const unfinishedFlag = 1;
/** A greater length is damage. */
const maximumPayloadBytes = 16 * 1024;
const lineFeed = Buffer.from('\n');
const scanBytes = 1 << 20;

export interface LocalHeader {
  readonly length: number;
  readonly stream: LogStream;
  /** A line feed follows the payload in what the container wrote. */
  readonly ends: boolean;
  /** The line goes on in the next record of the stream. */
  readonly partial: boolean;
}

/** The header at `offset`, or undefined where there can be none. The caller makes sure of 14 bytes. */
export function readLocalHeader(bytes: Buffer, offset: number): LocalHeader | undefined {
  const length = bytes.readUInt32BE(offset);
  const stream = bytes[offset + 4];
  const flags = bytes[offset + 5];
  if (length > maximumPayloadBytes || (stream !== 1 && stream !== 2) || flags === undefined || flags > unfinishedFlag) {
    return undefined;
  }
  const ends = (flags & unfinishedFlag) === 0;
  return { length, stream, ends, partial: !ends && length === maximumPayloadBytes };
}

/**
 * After damage: the next offset from which one header leads to another one or to the end of what is there. -1 when none does.
 */
function resynchronize(bytes: Buffer, from: number): number {
  for (let offset = from; offset + headerBytes <= bytes.length; offset += 1) {
    const header = readLocalHeader(bytes, offset);
    if (header === undefined) continue;
    const next = offset + headerBytes + header.length;
    if (next === bytes.length) return offset;
    if (next + headerBytes <= bytes.length && readLocalHeader(bytes, next) !== undefined) return offset;
  }
  return -1;
}

interface LocatedHeader extends LocalHeader {
  /** Of the header, in the file. */
  readonly offset: number;
  /** Of the payload, in `bytes`. */
  readonly payloadStart: number;
}

/** Walks over records of a file that arrives in chunks. */
class RecordWalker {
  readonly #report: ReportCorruption;
  bytes: Buffer = Buffer.alloc(0);
  /** Offset of `bytes` in the file. */
  #base = 0;
  #cursor = 0;
  #damaged = false;

  constructor(report: ReportCorruption) {
    this.#report = report;
  }

  push(chunk: Buffer): void {
    const rest = this.bytes.subarray(this.#cursor);
    this.#base += this.#cursor;
    this.#cursor = 0;
    this.bytes = Buffer.concat([rest, chunk]);
  }

  next(): LocatedHeader | undefined {
    while (this.#cursor + headerBytes <= this.bytes.length) {
      if (this.#damaged && !this.#recover()) return undefined;
      const header = readLocalHeader(this.bytes, this.#cursor);
      if (header === undefined) {
        this.#report(`no record begins at byte ${this.#base + this.#cursor}`);
        this.#damaged = true;
        this.#cursor += 1;
        continue;
      }
      const payloadStart = this.#cursor + headerBytes;
      if (payloadStart + header.length > this.bytes.length) return undefined;
      const offset = this.#base + this.#cursor;
      this.#cursor = payloadStart + header.length;
      return { ...header, offset, payloadStart };
    }
    return undefined;
  }

  end(): void {
    const rest = this.bytes.length - this.#cursor;
    if (rest > 0 && !this.#damaged) this.#report(`the last ${rest} bytes are no whole record`);
  }

  #recover(): boolean {
    const found = resynchronize(this.bytes, this.#cursor);
    if (found >= 0) {
      this.#cursor = found;
      this.#damaged = false;
      return true;
    }
    // Nothing yet: keep what could be the beginning of a record that is not whole yet.
    this.#cursor = Math.max(this.#cursor, this.bytes.length - maximumPayloadBytes - 2 * headerBytes);
    return false;
  }
}

class LocalDecoder implements LogDecoder {
  readonly #walker: RecordWalker;

  constructor(report: ReportCorruption) {
    this.#walker = new RecordWalker(report);
  }

  push(chunk: Buffer): LogRecord[] {
    const records: LogRecord[] = [];
    this.#walker.push(chunk);
    for (let header = this.#walker.next(); header !== undefined; header = this.#walker.next()) {
      const { bytes } = this.#walker;
      const payload = bytes.subarray(header.payloadStart, header.payloadStart + header.length);
      const nanoseconds = bytes.readBigUInt64BE(header.payloadStart - 8);
      records.push({
        stream: header.stream,
        partial: header.partial,
        nanoseconds,
        get timestamp() {
          return timestampFromNanoseconds(nanoseconds);
        },
        payload: header.ends ? Buffer.concat([payload, lineFeed]) : payload,
        attributes: undefined,
      });
    }
    return records;
  }

  end(): void {
    this.#walker.end();
  }
}

/** The headers of the last lines, so that memory does not grow with the file. */
class RecentHeaders {
  readonly #lines: number;
  #headers: { readonly offset: number; readonly end: number; readonly stream: LogStream; readonly partial: boolean }[] =
    [];
  #first = 0;
  #lineEnds = 0;

  constructor(lines: number) {
    this.#lines = lines;
  }

  add(header: LocatedHeader): void {
    const { offset, stream, partial } = header;
    this.#headers.push({ offset, end: offset + headerBytes + header.length, stream, partial });
    if (!partial) this.#lineEnds += 1;
    while (this.#lineEnds > this.#lines) {
      if (this.#headers[this.#first]?.partial === false) this.#lineEnds -= 1;
      this.#first += 1;
    }
    if (this.#first > 1024 && this.#first * 2 > this.#headers.length) {
      this.#headers = this.#headers.slice(this.#first);
      this.#first = 0;
    }
  }

  newestFirst(): { readonly end: number; readonly stream: LogStream; readonly partial: boolean }[] {
    return this.#headers.slice(this.#first).toReversed();
  }
}

/** Records cannot be read backwards, so their headers are walked from the start; only as many as the tail needs are kept. */
async function findTail(file: FileHandle, size: number, count: TailCount): Promise<number> {
  const walker = new RecordWalker(() => undefined);
  // One line more tells where the tail begins; each stream's unfinished last line counts as well.
  const recent = new RecentHeaders(count.remaining + 3);
  const block = Buffer.alloc(Math.min(scanBytes, Math.max(size, 1)));
  for (let position = 0; position < size; ) {
    const { bytesRead } = await file.read(block, 0, Math.min(block.length, size - position), position);
    if (bytesRead === 0) break;
    position += bytesRead;
    walker.push(block.subarray(0, bytesRead));
    for (let header = walker.next(); header !== undefined; header = walker.next()) recent.add(header);
  }
  for (const header of recent.newestFirst()) {
    if (endsTail(header, count)) return header.end;
  }
  return 0;
}

export const localLogFormat: LogFormat = {
  decoder: (report) => new LocalDecoder(report),
  findTail,
};
