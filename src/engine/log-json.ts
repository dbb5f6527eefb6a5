import type { FileHandle } from 'node:fs/promises';
import { parseTimestamp, type Timestamp, timestampFromNanoseconds } from '../base/index.ts';
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
 * Docker's json-file: one object a line, {"log":"text\n","stream":"stdout","time":"RFC 3339"}. Lines beyond 16 KiB are
 * written as several records of which only the last ends in a line feed.
 */

const lineFeed = 0x0a;
/** A record holds at most 16 KiB of output, each byte at most 6 bytes as JSON; anything far longer is damage. */
const maximumLineBytes = 1 << 20;
/** A record that was cut is full, up to the bytes of a character that did not fit. */
const fullRecordBytes = 16 * 1024 - 4;
const blockBytes = 64 * 1024;
const utcTimestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const recordStart = '{"log":"';

class JsonRecord implements LogRecord {
  readonly stream: LogStream;
  readonly payload: Buffer;
  readonly partial: boolean;
  readonly attributes: Readonly<Record<string, string>> | undefined;
  readonly #time: string;
  #nanoseconds: bigint | undefined;

  constructor(stream: LogStream, text: string, time: string, attributes: Record<string, string> | undefined) {
    this.stream = stream;
    this.payload = Buffer.from(text);
    this.partial = !text.endsWith('\n') && this.payload.length >= fullRecordBytes;
    this.attributes = attributes;
    this.#time = time;
  }

  /** Parsed only when asked for: most readers want neither timestamps nor a period. */
  get nanoseconds(): bigint {
    this.#nanoseconds ??= parseTimestamp(this.#time) ?? 0n;
    return this.#nanoseconds;
  }

  /** The writer's own form is only padded, which is far cheaper than parsing it. */
  get timestamp(): Timestamp {
    if (utcTimestamp.test(this.#time)) return `${this.#time.slice(0, -1).padEnd(20, '.').padEnd(29, '0')}Z`;
    return timestampFromNanoseconds(this.nanoseconds);
  }
}

function attributesOf(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, attribute]) => [key, String(attribute)]));
}

function parseObject(text: string): JsonRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('log' in value) || typeof value.log !== 'string')
    return undefined;
  const stream = 'stream' in value && value.stream === 'stderr' ? 2 : 1;
  const time = 'time' in value && typeof value.time === 'string' ? value.time : '';
  return new JsonRecord(stream, value.log, time, 'attrs' in value ? attributesOf(value.attrs) : undefined);
}

/**
 * The record of one line. After a crash a line may begin with the torn end of an older one: quotes inside of a record are
 * escaped, so the last `{"log":"` always begins a record.
 */
export function parseJsonLine(line: Buffer, report: ReportCorruption): LogRecord | undefined {
  const text = line.toString();
  const record = parseObject(text);
  if (record !== undefined) return record;
  if (text.trim() !== '') report(`a line of ${line.length} bytes is no record`);
  const start = text.lastIndexOf(recordStart);
  return start > 0 ? parseObject(text.slice(start)) : undefined;
}

class JsonDecoder implements LogDecoder {
  readonly #report: ReportCorruption;
  #pieces: Buffer[] = [];
  #pending = 0;
  #skipping = false;

  constructor(report: ReportCorruption) {
    this.#report = report;
  }

  push(chunk: Buffer): LogRecord[] {
    const records: LogRecord[] = [];
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      const line = this.#take(chunk.subarray(start, end));
      start = end + 1;
      if (line === undefined) continue;
      const record = parseJsonLine(line, this.#report);
      if (record !== undefined) records.push(record);
    }
    this.#keep(chunk.subarray(start));
    return records;
  }

  end(): void {
    if (this.#pending > 0) this.#report(`the last ${this.#pending} bytes are no whole record`);
    this.#pieces = [];
    this.#pending = 0;
  }

  #take(rest: Buffer): Buffer | undefined {
    const { length } = this.#pieces;
    const line = length === 0 ? rest : Buffer.concat([...this.#pieces, rest]);
    this.#pieces = [];
    this.#pending = 0;
    if (!this.#skipping) return line;
    this.#skipping = false;
    return undefined;
  }

  #keep(rest: Buffer): void {
    if (rest.length === 0 || this.#skipping) return;
    // A copy: the chunk's memory is read into again.
    this.#pieces.push(Buffer.from(rest));
    this.#pending += rest.length;
    if (this.#pending <= maximumLineBytes) return;
    this.#report(`a line is longer than ${maximumLineBytes} bytes`);
    this.#pieces = [];
    this.#pending = 0;
    this.#skipping = true;
  }
}

const ignore: ReportCorruption = () => undefined;

/** Reads blocks from the end and looks at each line on the way back. */
async function findTail(file: FileHandle, size: number, count: TailCount): Promise<number> {
  let position = size;
  // Bytes from `position` to the first line feed known: the end of a line whose start was not read yet.
  let rest = Buffer.alloc(0);
  let insideLine = false;
  while (position > 0) {
    const length = Math.min(blockBytes, position);
    const block = Buffer.alloc(length);
    const { bytesRead } = await file.read(block, 0, length, position - length);
    if (bytesRead < length) return 0;
    position -= length;
    const text = Buffer.concat([block, rest]);
    let end = text.length;
    for (let feed = text.lastIndexOf(lineFeed, end - 1); feed >= 0; feed = text.lastIndexOf(lineFeed, end - 1)) {
      if (insideLine) {
        const record = parseJsonLine(text.subarray(feed + 1, end), ignore);
        if (record !== undefined && endsTail(record, count)) return position + end + 1;
      }
      // What stands behind the last line feed is not a whole line yet.
      insideLine = true;
      end = feed;
      if (end === 0) break;
    }
    rest = end > maximumLineBytes ? Buffer.alloc(0) : Buffer.from(text.subarray(0, end));
  }
  if (insideLine) {
    const record = parseJsonLine(rest, ignore);
    if (record !== undefined && endsTail(record, count)) return rest.length + 1;
  }
  return 0;
}

export const jsonLogFormat: LogFormat = {
  decoder: (report) => new JsonDecoder(report),
  findTail,
};
