import { blockSize, decodeNumber, invalidArchive, type TarHeader, tarType } from './tar-format.ts';
import { commaSegments, gnuSegments, lineSegments, type Segment } from './tar-sparse.ts';

const gnuMap = { start: 386, entries: 4, extended: 482, realSize: 483 } as const;
const gnuExtension = { entries: 21, extended: 504 } as const;
/** A map that grows line by line is looked at again for each block: it must not be long. */
const maximumMapBytes = 1024 * 1024;

/** A file of which the archive holds only what is not zero. */
export interface SparseEntry {
  /** With the name and size that the file is to have. */
  readonly header: TarHeader;
  segments: Segment[];
  /** Bytes of content in the archive. */
  stored: number;
  /** More of the map stands in the blocks that follow: GNU's extension blocks, or lines of text before the content. */
  readonly mapFollows: 'blocks' | 'lines' | undefined;
  text: string;
}

/** What the header says of sparseness, in any of GNU's formats; undefined for other files. */
export function sparseEntry(
  header: TarHeader,
  block: Buffer,
  records: ReadonlyMap<string, Buffer>,
): SparseEntry | undefined {
  if (header.type === tarType.gnuSparse) {
    const size = decodeNumber(block, gnuMap.realSize, 12);
    return {
      header: { ...header, type: tarType.file, size },
      segments: gnuSegments(block, gnuMap.start, gnuMap.entries, (at) => decodeNumber(block, at, 12)),
      stored: header.size,
      mapFollows: block[gnuMap.extended] === 1 ? 'blocks' : undefined,
      text: '',
    };
  }
  const text = (key: string): string | undefined => records.get(`GNU.sparse.${key}`)?.toString();
  const map = text('map');
  const major = text('major');
  if (map === undefined && major === undefined && text('numblocks') === undefined) return undefined;
  if (map === undefined && major !== '1') throw invalidArchive('a sparse file in an unknown format');
  const size = Number(text('realsize') ?? text('size'));
  if (!Number.isSafeInteger(size) || size < 0) throw invalidArchive('a sparse file without a size');
  return {
    header: { ...header, name: records.get('GNU.sparse.name') ?? header.name, size },
    segments: map === undefined ? [] : commaSegments(map),
    stored: header.size,
    mapFollows: map === undefined ? 'lines' : undefined,
    text: '',
  };
}

/** Takes in one more block of the map; says whether that was the last. */
export function addToMap(entry: SparseEntry, block: Buffer): boolean {
  if (entry.mapFollows === 'blocks') {
    entry.segments.push(...gnuSegments(block, 0, gnuExtension.entries, (at) => decodeNumber(block, at, 12)));
    if (entry.segments.length * 24 > maximumMapBytes) throw invalidArchive('the map of a sparse file is too long');
    return block[gnuExtension.extended] !== 1;
  }
  entry.text += block.toString('latin1');
  entry.stored -= blockSize;
  if (entry.text.length > maximumMapBytes || entry.stored < 0) {
    throw invalidArchive('the map of a sparse file is too long');
  }
  const segments = lineSegments(entry.text);
  if (segments === undefined) return false;
  entry.segments = segments;
  return true;
}
