import { invalidArchive } from './tar-format.ts';

export interface Segment {
  readonly offset: number;
  readonly length: number;
}

const maximumSegments = 1_000_000;
const zeros = Buffer.alloc(64 * 1024);

/** Entries of an old GNU map: pairs of 12-byte numbers, until an empty one. */
export function gnuSegments(
  block: Buffer,
  start: number,
  count: number,
  number: (offset: number) => number,
): Segment[] {
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * 24;
    if (block[at] === 0) break;
    segments.push({ offset: number(at), length: number(at + 12) });
  }
  return segments;
}

function decimal(text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || !/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) {
    throw invalidArchive('a malformed map of a sparse file');
  }
  return value;
}

function pairs(numbers: readonly string[]): Segment[] {
  if (numbers.length % 2 !== 0) throw invalidArchive('a malformed map of a sparse file');
  const segments: Segment[] = [];
  for (let index = 0; index < numbers.length; index += 2) {
    segments.push({ offset: decimal(numbers[index]), length: decimal(numbers[index + 1]) });
  }
  return segments;
}

/** GNU.sparse.map of the pax format 0.1: "offset,length,offset,length". */
export function commaSegments(text: string): Segment[] {
  return pairs(text === '' ? [] : text.split(','));
}

/** The map of the pax format 1.0, which stands before the content: undefined while it is not complete. */
export function lineSegments(text: string): Segment[] | undefined {
  const end = text.indexOf('\n');
  if (end === -1) return undefined;
  const count = decimal(text.slice(0, end));
  if (count > maximumSegments) throw invalidArchive('the map of a sparse file is too long');
  const lines = text.slice(end + 1).split('\n');
  // What follows the last line break is incomplete or padding.
  return lines.length <= count * 2 ? undefined : pairs(lines.slice(0, count * 2));
}

/** Throws unless the segments are in order, inside the file, and as long together as what the archive holds. */
export function checkSegments(segments: readonly Segment[], fileSize: number, stored: number): void {
  let end = 0;
  let total = 0;
  for (const { offset, length } of segments) {
    if (offset < end || length < 0 || offset + length > fileSize) {
      throw invalidArchive('a malformed map of a sparse file');
    }
    end = offset + length;
    total += length;
  }
  if (total !== stored) throw invalidArchive('the map of a sparse file does not match its content');
}

/** Puts the zeros of a sparse file back between its segments. */
export class SparseExpander {
  readonly #segments: readonly Segment[];
  readonly #fileSize: number;
  #index = 0;
  #position = 0;

  constructor(segments: readonly Segment[], fileSize: number) {
    this.#segments = segments;
    this.#fileSize = fileSize;
  }

  *push(input: Buffer): Generator<Buffer, void, undefined> {
    let chunk = input;
    while (chunk.length > 0) {
      const segment = this.#segments[this.#index];
      if (segment === undefined) return;
      yield* this.#zerosUntil(segment.offset);
      const part = chunk.subarray(0, segment.offset + segment.length - this.#position);
      chunk = chunk.subarray(part.length);
      this.#position += part.length;
      if (this.#position === segment.offset + segment.length) this.#index += 1;
      if (part.length > 0) yield part;
    }
  }

  *finish(): Generator<Buffer, void, undefined> {
    yield* this.#zerosUntil(this.#fileSize);
  }

  *#zerosUntil(position: number): Generator<Buffer, void, undefined> {
    while (this.#position < position) {
      const part = zeros.subarray(0, position - this.#position);
      this.#position += part.length;
      yield part;
    }
  }
}
