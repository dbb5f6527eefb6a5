import {
  applyPax,
  blockSize,
  decodeHeader,
  decodePax,
  invalidArchive,
  isZeroBlock,
  paddingOf,
  type TarHeader,
  tarType,
} from './tar-format.ts';
import { addToMap, type SparseEntry, sparseEntry } from './tar-sparse-entry.ts';
import { checkSegments, SparseExpander } from './tar-sparse.ts';

export type TarEvent =
  | { readonly kind: 'entry'; readonly header: TarHeader }
  | { readonly kind: 'data'; readonly chunk: Buffer }
  | { readonly kind: 'end' };

export interface TarReaderOptions {
  /** false: sparse files are refused, for whoever has no limit of the size that they expand to. */
  readonly sparse?: boolean;
}

/** Long names and extended attributes are small; a "header" of gigabytes is an attack on memory. */
const maximumExtension = 4 * 1024 * 1024;

const extensions: ReadonlySet<string> = new Set([
  tarType.pax,
  tarType.paxGlobal,
  tarType.gnuLongName,
  tarType.gnuLongLink,
]);

/**
 * Takes a tar archive apart, chunk by chunk, without streams: the same code serves a worker that writes synchronously
 * and a request that awaits each write. Each entry gives "entry", any number of "data", "end".
 * Throws invalid-argument `invalid-archive`.
 */
export class TarReader {
  readonly #options: TarReaderOptions;
  #sparse: SparseEntry | undefined;
  #expander: SparseExpander | undefined;
  #partial: Buffer = Buffer.alloc(0);
  #wanted = blockSize;
  #state: 'header' | 'extension' | 'data' | 'padding' | 'ended' = 'header';
  #remaining = 0;
  #padding = 0;
  #zeroBlock = false;
  #extensionType = '';
  #global = new Map<string, Buffer>();
  #pax = new Map<string, Buffer>();
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;
  #current = '';

  constructor(options: TarReaderOptions = {}) {
    this.#options = options;
  }

  *push(input: Buffer): Generator<TarEvent, void, undefined> {
    let chunk = input;
    while (chunk.length > 0 && this.#state !== 'ended') {
      if (this.#state === 'data') {
        const part = chunk.subarray(0, this.#remaining);
        chunk = chunk.subarray(part.length);
        this.#remaining -= part.length;
        if (this.#expander === undefined) yield { kind: 'data', chunk: part };
        else for (const piece of this.#expander.push(part)) yield { kind: 'data', chunk: piece };
        if (this.#remaining === 0) yield* this.#endEntry();
      } else if (this.#state === 'padding') {
        const skipped = Math.min(chunk.length, this.#remaining);
        chunk = chunk.subarray(skipped);
        this.#remaining -= skipped;
        if (this.#remaining === 0) this.#expectHeader();
      } else {
        const missing = this.#wanted - this.#partial.length;
        const block = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk.subarray(0, missing)]);
        chunk = chunk.subarray(missing);
        this.#partial = block.subarray(0, this.#wanted);
        if (this.#partial.length < this.#wanted) {
          this.#partial = Buffer.from(this.#partial);
          return;
        }
        yield* this.#block(this.#take());
      }
    }
  }

  /** To be called at the end of the input: an archive that breaks off in an entry is refused. */
  finish(): void {
    if (this.#state === 'ended') return;
    const pending = this.#pax.size > 0 || this.#longName !== undefined || this.#longLink !== undefined;
    if (this.#state !== 'header' || this.#sparse !== undefined || this.#partial.length > 0 || pending) {
      throw invalidArchive(`it ends in the middle of ${this.#current === '' ? 'a header' : this.#current}`);
    }
  }

  #take(): Buffer {
    const block = this.#partial;
    this.#partial = Buffer.alloc(0);
    return block;
  }

  #expectHeader(): void {
    this.#state = 'header';
    this.#wanted = blockSize;
    this.#current = '';
  }

  *#endEntry(): Generator<TarEvent, void, undefined> {
    if (this.#expander !== undefined) {
      for (const piece of this.#expander.finish()) yield { kind: 'data', chunk: piece };
      this.#expander = undefined;
    }
    yield { kind: 'end' };
    this.#skip(this.#padding);
  }

  #skip(padding: number): void {
    this.#remaining = padding;
    if (padding === 0) this.#expectHeader();
    else this.#state = 'padding';
  }

  *#block(block: Buffer): Generator<TarEvent, void, undefined> {
    if (this.#state === 'extension') {
      this.#extension(block);
      return;
    }
    if (this.#sparse !== undefined) {
      yield* this.#sparseBlock(this.#sparse, block);
      return;
    }
    if (isZeroBlock(block)) {
      if (this.#zeroBlock) this.#state = 'ended';
      this.#zeroBlock = true;
      return;
    }
    if (this.#zeroBlock) throw invalidArchive('content follows after a zero block');
    const raw = decodeHeader(block);
    if (extensions.has(raw.type)) {
      this.#startExtension(raw);
      return;
    }
    yield* this.#startEntry(raw, block);
  }

  #startExtension(raw: TarHeader): void {
    if (raw.size > maximumExtension) throw invalidArchive('an extended header is too large');
    this.#extensionType = raw.type;
    this.#padding = paddingOf(raw.size);
    this.#wanted = raw.size;
    this.#state = 'extension';
    this.#current = 'an extended header';
    if (raw.size === 0) this.#expectHeader();
  }

  #extension(content: Buffer): void {
    const untilNul = (): Buffer => {
      const end = content.indexOf(0);
      return Buffer.from(end === -1 ? content : content.subarray(0, end));
    };
    if (this.#extensionType === tarType.pax) for (const [key, value] of decodePax(content)) this.#pax.set(key, value);
    else if (this.#extensionType === tarType.paxGlobal) this.#global = decodePax(content);
    else if (this.#extensionType === tarType.gnuLongName) this.#longName = untilNul();
    else this.#longLink = untilNul();
    this.#skip(this.#padding);
  }

  *#startEntry(raw: TarHeader, block: Buffer): Generator<TarEvent, void, undefined> {
    const named = { ...raw, name: this.#longName ?? raw.name, linkName: this.#longLink ?? raw.linkName };
    const records = new Map([...this.#global, ...this.#pax]);
    const header = withDirectoryType(records.size === 0 ? named : applyPax(named, records));
    this.#pax = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#current = header.name.toString();
    const sparse = sparseEntry(header, block, records);
    if (sparse === undefined) {
      yield* this.#begin(header, header.size);
    } else if (this.#options.sparse === false) {
      throw invalidArchive(`${this.#current} is a sparse file, which has no place in an image archive`);
    } else if (sparse.mapFollows === undefined) {
      yield* this.#beginSparse(sparse);
    } else {
      this.#sparse = sparse;
      this.#wanted = blockSize;
    }
  }

  *#begin(header: TarHeader, stored: number): Generator<TarEvent, void, undefined> {
    yield { kind: 'entry', header };
    this.#padding = paddingOf(stored);
    this.#remaining = stored;
    this.#state = 'data';
    if (stored === 0) yield* this.#endEntry();
  }

  *#beginSparse(sparse: SparseEntry): Generator<TarEvent, void, undefined> {
    const { header, segments, stored } = sparse;
    this.#sparse = undefined;
    checkSegments(segments, header.size, stored);
    this.#expander = new SparseExpander(segments, header.size);
    yield* this.#begin(header, stored);
  }

  /** A further block of a map. */
  *#sparseBlock(sparse: SparseEntry, block: Buffer): Generator<TarEvent, void, undefined> {
    if (addToMap(sparse, block)) yield* this.#beginSparse(sparse);
  }
}

/** Version 7 tar knew directories only by a slash at the end. That of a name that was cut at 100 bytes says nothing. */
function withDirectoryType(header: TarHeader): TarHeader {
  if (header.type !== tarType.file || header.name.at(-1) !== 0x2f) return header;
  return { ...header, type: tarType.directory, size: 0 };
}
