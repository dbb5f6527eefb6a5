import type { FileHandle } from 'node:fs/promises';
import type { Timestamp } from '../base/index.ts';

/** Stream numbers of the Engine API's frames: 1 standard output, 2 standard error. */
export type LogStream = 1 | 2;

/** What a container wrote: one line, or a piece of a line that is longer than a record may be. */
export interface LogRecord {
  readonly stream: LogStream;
  /** Since the epoch; when the record's first byte was read. */
  readonly nanoseconds: bigint;
  /** The same as RFC 3339 with nine fractional digits. */
  readonly timestamp: Timestamp;
  /** With the line feed, unless `partial` or the output ended without one. */
  readonly payload: Buffer;
  /** The line goes on in the next record of the same stream. */
  readonly partial: boolean;
  /** Attributes of `--log-opt labels=…`, for details. */
  readonly attributes: Readonly<Record<string, string>> | undefined;
}

/** Called for bytes that are no record; they are skipped. */
export type ReportCorruption = (what: string) => void;

/** Turns the bytes of one file, in order, into records. */
export interface LogDecoder {
  push(chunk: Buffer): LogRecord[];
  /** The file has no more bytes and will get none: reports a record that was cut off. */
  end(): void;
}

/** Counts lines from the end, over several files. */
export interface TailCount {
  remaining: number;
  /** Streams of which a record was seen: the newest record of a stream ends a line even where the line is unfinished. */
  readonly seen: Set<LogStream>;
}

export interface LogFormat {
  decoder(report: ReportCorruption): LogDecoder;
  /**
   * Offset of the first byte of the last `count.remaining` lines among the first `size` bytes; 0 when the file holds fewer, with
   * `count.remaining` lowered by those it holds and above 0.
   */
  findTail(file: FileHandle, size: number, count: TailCount): Promise<number>;
}

/** Whether a record, met on the way back, begins a line beyond those wanted: then the tail begins behind it. */
export function endsTail(record: { readonly stream: LogStream; readonly partial: boolean }, count: TailCount): boolean {
  const endsLine = !record.partial || !count.seen.has(record.stream);
  count.seen.add(record.stream);
  if (!endsLine) return false;
  if (count.remaining === 0) return true;
  count.remaining -= 1;
  return false;
}
