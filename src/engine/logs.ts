import type { Readable } from 'node:stream';
import { detach, type Log, notImplemented, ProducedReadable, silentLog } from '../base/index.ts';
import { closeLogFiles, type OpenLogFile, openLogFiles } from './log-files.ts';
import { LogChanges, openSuccessors } from './log-follow.ts';
import { jsonLogFormat } from './log-json.ts';
import { localLogFormat } from './log-local.ts';
import type { LogDecoder, LogFormat, LogRecord, LogStream } from './log-record.ts';
import { findTailPosition } from './log-tail.ts';
import type { LogConfiguration, LogOptions } from './types.ts';

export interface ReadLogsRequest {
  /** Of the newest file; rotated ones are path.1, path.2, … */
  readonly path: string;
  readonly driver: LogConfiguration['driver'];
  /** Raw bytes instead of frames. */
  readonly tty: boolean;
  readonly options: LogOptions;
  /** Settles when the container has ended and all of its output is in the files: a follower then ends too. */
  readonly ended: Promise<void>;
  readonly signal: AbortSignal;
  /** Gets the warnings about damaged records. */
  readonly log?: Log;
}

const chunkBytes = 64 * 1024;
/** setTimeout's limit: a longer wait fires at once. */
const maximumTimeoutMilliseconds = 2 ** 31 - 1;

const formats: Readonly<Record<LogConfiguration['driver'], LogFormat | undefined>> = {
  'json-file': jsonLogFormat,
  local: localLogFormat,
  none: undefined,
};

/**
 * What a container wrote, oldest first, as frames of the Engine API (one a record) or raw for a terminal. As in Docker, the
 * tail is taken over both streams, and `since` and `until` apply to what it left. Damaged records are skipped with a warning.
 * Throws not-implemented `logs-not-readable` for the driver `none`.
 */
export async function readLogs(request: ReadLogsRequest): Promise<Readable> {
  const format = formats[request.driver];
  if (format === undefined) {
    throw notImplemented('logs-not-readable', 'configured logging driver does not support reading');
  }
  // Opened before the answer begins, so that an unreadable file is an error and not an empty stream.
  const files = await openLogFiles(request.path);
  const stream = new ProducedReadable((signal) =>
    new LogReader(format, request, AbortSignal.any([signal, request.signal])).read(files),
  );
  // A stream that is destroyed before it was read never runs the reader, which closes the files otherwise.
  stream.once('close', () => detach(request.log ?? silentLog, 'closing log files', closeLogFiles(files.splice(0))));
  return stream;
}

type Verdict = 'show' | 'skip' | 'stop';

class LogReader {
  readonly #format: LogFormat;
  readonly #request: ReadLogsRequest;
  readonly #signal: AbortSignal;
  readonly #log: Log;
  readonly #insideLine = new Set<LogStream>();
  #decoder: LogDecoder;
  #lastRecord: LogRecord | undefined;
  #resumeAfter: bigint | undefined;
  #warnings = 0;
  #stopped = false;

  constructor(format: LogFormat, request: ReadLogsRequest, signal: AbortSignal) {
    this.#format = format;
    this.#request = request;
    this.#signal = signal;
    this.#log = request.log ?? silentLog;
    this.#decoder = this.#newDecoder();
  }

  async *read(files: OpenLogFile[]): AsyncGenerator<Buffer, void, undefined> {
    const { options, path, ended } = this.#request;
    // Watched before the first read: what is written in between is not missed.
    const changes = options.follow ? new LogChanges(path, ended, this.#signal, this.#log) : undefined;
    const timer = this.#armUntil(changes);
    try {
      const start =
        options.tail === undefined
          ? { file: this.#firstUseful(files), offset: 0 }
          : await findTailPosition(this.#format, files, options.tail);
      await closeLogFiles(files.splice(0, start.file));
      if (changes === undefined) yield* this.#readAll(files, start.offset);
      else yield* this.#follow(files, start.offset, changes);
    } finally {
      clearTimeout(timer);
      changes?.close();
      await closeLogFiles(files.splice(0));
    }
  }

  /** Files whose last change is before `since` hold nothing that is wanted. */
  #firstUseful(files: readonly OpenLogFile[]): number {
    const since = this.#request.options.sinceNanoseconds;
    if (since === undefined) return 0;
    // The file system's clock ticks coarsely and lags; a second is far more than both.
    const sinceMilliseconds = Number(since / 1_000_000n) - 1000;
    const found = files.findIndex(({ modifiedMilliseconds }) => modifiedMilliseconds >= sinceMilliseconds);
    return found < 0 ? Math.max(files.length - 1, 0) : found;
  }

  async *#readAll(files: readonly OpenLogFile[], offset: number): AsyncGenerator<Buffer, void, undefined> {
    let position = offset;
    for (const file of files) {
      // Up to the size at the beginning: a container that writes faster than we read would never let us end.
      for await (const output of this.#readFile(file, position, file.size)) yield output;
      if (this.#done) return;
      this.#endFile();
      position = 0;
    }
  }

  async *#follow(files: OpenLogFile[], offset: number, changes: LogChanges): AsyncGenerator<Buffer, void, undefined> {
    let position = offset;
    while (!this.#done) {
      // Asked before reading: when it was so already then, the read that follows got everything.
      await changes.wait();
      const { ended } = changes;
      if (this.#done) return;
      let successors: OpenLogFile[] = [];
      do {
        files.push(...successors);
        while (files.length > 1) {
          position = yield* this.#drain(files[0], position);
          if (this.#done) return;
          this.#endFile();
          position = 0;
          await closeLogFiles(files.splice(0, 1));
        }
        position = yield* this.#drain(files[0], position);
        if (this.#done) return;
        successors = await openSuccessors(this.#request.path, files[0]);
        // The monitor stops writing to a file before its successor appears, but maybe after our drain: the next round drains again.
      } while (successors.length > 0);
      if (ended) {
        this.#endFile();
        return;
      }
    }
  }

  /** Reads to the end of the file as it is now and returns the new position. */
  async *#drain(file: OpenLogFile | undefined, position: number): AsyncGenerator<Buffer, number, undefined> {
    if (file === undefined) return 0;
    const { size } = await file.handle.stat();
    let from = position;
    if (size < from) {
      // A log of one file is rotated by truncating it, and on a full disk the monitor takes back the records of its last write. In
      // both cases what is new is what was written later than the last record that we saw.
      this.#endFile();
      this.#resumeAfter = this.#lastRecord?.nanoseconds;
      from = 0;
    }
    return yield* this.#readFile(file, from, size);
  }

  async *#readFile(file: OpenLogFile, from: number, to: number): AsyncGenerator<Buffer, number, undefined> {
    let position = from;
    while (position < to && !this.#done) {
      // A new buffer each time: records and frames point into it until the client took them.
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, to - position));
      const { bytesRead } = await file.handle.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      const output = this.#output(this.#decoder.push(chunk.subarray(0, bytesRead)));
      if (output.length > 0 && !this.#signal.aborted) yield output;
    }
    return position;
  }

  #output(records: readonly LogRecord[]): Buffer {
    const pieces: Buffer[] = [];
    for (const record of records) {
      if (this.#wasSeen(record)) continue;
      this.#lastRecord = record;
      const verdict = this.#judge(record);
      if (verdict === 'stop') {
        this.#stopped = true;
        break;
      }
      if (verdict === 'show') this.#render(record, pieces);
    }
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  }

  /** While a truncated file is read again. */
  #wasSeen(record: LogRecord): boolean {
    if (this.#resumeAfter === undefined) return false;
    if (record.nanoseconds <= this.#resumeAfter) return true;
    this.#resumeAfter = undefined;
    return false;
  }

  #judge(record: LogRecord): Verdict {
    const { stdout, stderr, sinceNanoseconds, untilNanoseconds } = this.#request.options;
    if (untilNanoseconds !== undefined && record.nanoseconds > untilNanoseconds) return 'stop';
    if (sinceNanoseconds !== undefined && record.nanoseconds < sinceNanoseconds) return 'skip';
    return (record.stream === 1 ? stdout : stderr) ? 'show' : 'skip';
  }

  #render(record: LogRecord, pieces: Buffer[]): void {
    const { timestamps, details } = this.#request.options;
    // The pieces of a long line get their prefix once, at its start.
    const startsLine = !this.#insideLine.has(record.stream);
    if (record.partial) this.#insideLine.add(record.stream);
    else this.#insideLine.delete(record.stream);
    let prefix = '';
    if (startsLine && timestamps) prefix += `${record.timestamp} `;
    if (startsLine && details) prefix += `${attributeText(record.attributes)} `;
    const head = Buffer.from(prefix);
    if (!this.#request.tty) pieces.push(frameHeader(record.stream, head.length + record.payload.length));
    if (head.length > 0) pieces.push(head);
    pieces.push(record.payload);
  }

  get #done(): boolean {
    return this.#stopped || this.#signal.aborted;
  }

  #endFile(): void {
    this.#decoder.end();
    this.#decoder = this.#newDecoder();
  }

  #newDecoder(): LogDecoder {
    return this.#format.decoder((what) => {
      this.#warnings += 1;
      // One damaged block can look like very many bad records.
      if (this.#warnings > 10) return;
      this.#log.warn({ path: this.#request.path }, `skipped damaged bytes of a container's log: ${what}`);
    });
  }

  /** Ends a follower at `until`, also when nothing is written any more. */
  #armUntil(changes: LogChanges | undefined): NodeJS.Timeout | undefined {
    const until = this.#request.options.untilNanoseconds;
    if (changes === undefined || until === undefined) return undefined;
    const remaining = Number(until / 1_000_000n) - Date.now() + 1;
    if (remaining > maximumTimeoutMilliseconds) return undefined;
    return setTimeout(() => changes.expire(), Math.max(remaining, 0));
  }
}

/** Engine API: stream, three zero bytes, big-endian length. */
export function frameHeader(stream: LogStream, length: number): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(length, 4);
  return header;
}

/** Sorted key=value pairs, as Docker shows them. */
function attributeText(attributes: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(attributes ?? {})
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .sort()
    .join(',');
}
