import { invalidArgument } from '../base/index.ts';
import type { TimeSpec } from '../kernel/files.ts';

/*
 * The tar format at the level of bytes. tar-stream, which the rest of the project uses, decodes pax records as UTF-8:
 * that destroys binary extended attributes (security.capability, so ping and the like lose their capabilities) and
 * names in other encodings. Layers must come out as they went in, hence these two functions and tar-reader.ts.
 */

/** POSIX and GNU type flags. */
export const tarType = {
  file: '0',
  oldFile: '\0',
  link: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
  contiguous: '7',
  pax: 'x',
  paxGlobal: 'g',
  gnuLongLink: 'K',
  gnuLongName: 'L',
  gnuSparse: 'S',
} as const;

export const blockSize = 512;

export interface TarHeader {
  readonly name: Buffer;
  readonly linkName: Buffer;
  readonly type: string;
  /** Permission bits only. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly modified: TimeSpec;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes (SCHILY.xattr.*). */
  readonly attributes: ReadonlyMap<string, Buffer>;
}

export function invalidArchive(message: string): Error {
  return invalidArgument('invalid-archive', `invalid tar archive: ${message}`);
}

/** Bytes that fill up the last block of `size` bytes of content. */
export function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

export function isZeroBlock(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function text(block: Buffer, offset: number, length: number): Buffer {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** Octal digits, or GNU's base-256 with the top bit of the first byte set. */
export function decodeNumber(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if ((first & 0x80) === 0) {
    const digits = text(block, offset, length).toString('latin1').trim();
    if (digits === '') return 0;
    if (!/^[0-7]+$/.test(digits)) throw invalidArchive(`"${digits}" is no octal number`);
    return Number.parseInt(digits, 8);
  }
  let value = BigInt(first & 0x40 ? first | ~0xff : first & 0x3f);
  for (const byte of block.subarray(offset + 1, offset + length)) value = (value << 8n) | BigInt(byte);
  const result = Number(value);
  if (!Number.isSafeInteger(result)) throw invalidArchive('a number is out of range');
  return result;
}

/** Both ways of summing exist in the wild: bytes as unsigned (POSIX) and as signed (old Sun tar). */
function checksumMatches(block: Buffer): boolean {
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < blockSize; index++) {
    const byte = index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stated = decodeNumber(block, 148, 8);
  return stated === unsigned || stated === signed;
}

/** Types whose header may state a size although no content follows. */
const withoutContent: ReadonlySet<string> = new Set([
  tarType.link,
  tarType.symlink,
  tarType.character,
  tarType.block,
  tarType.directory,
  tarType.fifo,
]);

/** Decodes one header block. Pax and GNU extensions are for the caller to apply. */
export function decodeHeader(block: Buffer): TarHeader {
  if (!checksumMatches(block)) throw invalidArchive('a header has a wrong checksum');
  const magic = block.toString('latin1', 257, 263);
  let name = text(block, 0, 100);
  // GNU headers ("ustar " and two spaces) have other fields where POSIX has the prefix.
  if (magic === 'ustar\0' && block[345] !== 0) {
    name = Buffer.concat([text(block, 345, 155), Buffer.from('/'), name]);
  }
  let type = String.fromCharCode(block[156] ?? 0);
  if (type === tarType.oldFile || type === tarType.contiguous) type = tarType.file;
  const devices = type === tarType.character || type === tarType.block;
  const size = withoutContent.has(type) ? 0 : decodeNumber(block, 124, 12);
  if (size < 0) throw invalidArchive(`${name.toString()} has a negative size`);
  return {
    name,
    linkName: text(block, 157, 100),
    type,
    mode: decodeNumber(block, 100, 8) & 0o7777,
    uid: decodeNumber(block, 108, 8),
    gid: decodeNumber(block, 116, 8),
    size,
    modified: { seconds: decodeNumber(block, 136, 12), nanoseconds: 0 },
    deviceMajor: devices ? decodeNumber(block, 329, 8) : 0,
    deviceMinor: devices ? decodeNumber(block, 337, 8) : 0,
    attributes: new Map(),
  };
}

/** "LENGTH key=value\n" records; values are bytes. */
export function decodePax(content: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let offset = 0; offset < content.length; ) {
    const space = content.indexOf(0x20, offset);
    const digits = space === -1 ? '' : content.toString('latin1', offset, space);
    const length = /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
    const end = offset + length;
    const equals = content.indexOf(0x3d, space);
    if (length < 5 || end > content.length || content[end - 1] !== 0x0a || equals === -1 || equals >= end) {
      throw invalidArchive('a malformed pax record');
    }
    records.set(content.toString('utf8', space + 1, equals), Buffer.from(content.subarray(equals + 1, end - 1)));
    offset = end;
  }
  return records;
}

function paxNumber(value: Buffer, key: string): number {
  const digits = value.toString('latin1');
  const result = Number(digits);
  if (!/^-?\d+$/.test(digits) || !Number.isSafeInteger(result)) throw invalidArchive(`pax ${key} is no number`);
  return result;
}

function paxTime(value: Buffer): TimeSpec {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(value.toString('latin1'));
  const whole = Number(match?.[2]);
  if (match === null || !Number.isSafeInteger(whole)) throw invalidArchive('pax mtime is no time');
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] !== '-') return { seconds: whole, nanoseconds };
  return nanoseconds === 0
    ? { seconds: -whole, nanoseconds: 0 }
    : { seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

const attributePrefix = 'SCHILY.xattr.';

/** The header with what pax records say in its place. */
export function applyPax(header: TarHeader, records: ReadonlyMap<string, Buffer>): TarHeader {
  const changed: { -readonly [key in keyof TarHeader]: TarHeader[key] } = { ...header };
  const attributes = new Map<string, Buffer>();
  for (const [key, value] of records) {
    if (value.length === 0 && !key.startsWith(attributePrefix)) continue;
    if (key === 'path') changed.name = value;
    else if (key === 'linkpath') changed.linkName = value;
    else if (key === 'size') changed.size = withoutContent.has(header.type) ? 0 : paxNumber(value, key);
    else if (key === 'uid') changed.uid = paxNumber(value, key);
    else if (key === 'gid') changed.gid = paxNumber(value, key);
    else if (key === 'mtime') changed.modified = paxTime(value);
    else if (key.startsWith(attributePrefix)) attributes.set(key.slice(attributePrefix.length), value);
  }
  if (changed.size < 0) throw invalidArchive('a negative size');
  changed.attributes = attributes;
  return changed;
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + String(rest.length).length;
  // The length counts its own digits, which may add one.
  if (rest.length + String(length).length > length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function writeOctal(block: Buffer, offset: number, length: number, value: number): boolean {
  const digits = value < 0 ? '' : value.toString(8);
  const fits = value >= 0 && digits.length < length;
  block.write((fits ? digits : '0').padStart(length - 1, '0'), offset, 'latin1');
  return fits;
}

function isAscii(bytes: Buffer): boolean {
  return bytes.every((byte) => byte > 0 && byte < 0x80);
}

function encodeBlock(header: TarHeader, pax: Map<string, Buffer>): Buffer {
  const block = Buffer.alloc(blockSize);
  if (!isAscii(header.name) || header.name.length > 100) pax.set('path', header.name);
  header.name.copy(block, 0, 0, 100);
  if (!isAscii(header.linkName) || header.linkName.length > 100) pax.set('linkpath', header.linkName);
  header.linkName.copy(block, 157, 0, 100);
  writeOctal(block, 100, 8, header.mode);
  if (!writeOctal(block, 108, 8, header.uid)) pax.set('uid', Buffer.from(String(header.uid)));
  if (!writeOctal(block, 116, 8, header.gid)) pax.set('gid', Buffer.from(String(header.gid)));
  if (!writeOctal(block, 124, 12, header.size)) pax.set('size', Buffer.from(String(header.size)));
  const { seconds, nanoseconds } = header.modified;
  if (!writeOctal(block, 136, 12, seconds) || nanoseconds !== 0)
    pax.set('mtime', Buffer.from(timeText(header.modified)));
  block.write('        ', 148, 'latin1');
  block.write(header.type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  writeOctal(block, 329, 8, header.deviceMajor);
  writeOctal(block, 337, 8, header.deviceMinor);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function timeText({ seconds, nanoseconds }: TimeSpec): string {
  if (nanoseconds === 0) return String(seconds);
  const digits = (value: number): string => String(value).padStart(9, '0').replace(/0+$/, '');
  if (seconds >= 0) return `${seconds}.${digits(nanoseconds)}`;
  return `-${-seconds - 1}.${digits(1_000_000_000 - nanoseconds)}`;
}

/** The header block(s) of an entry: a pax header first where the fields of ustar do not suffice. Deterministic. */
export function encodeHeader(header: TarHeader): Buffer {
  const pax = new Map<string, Buffer>();
  const block = encodeBlock(header, pax);
  for (const key of [...header.attributes.keys()].toSorted()) {
    pax.set(`${attributePrefix}${key}`, header.attributes.get(key) ?? Buffer.alloc(0));
  }
  if (pax.size === 0) return block;
  const content = Buffer.concat([...pax].map(([key, value]) => paxRecord(key, value)));
  const extension = encodeBlock(
    tarHeader({ name: Buffer.from('PaxHeaders.0/entry'), type: tarType.pax, mode: 0o644, size: content.length }),
    new Map(),
  );
  return Buffer.concat([extension, content, Buffer.alloc(paddingOf(content.length)), block]);
}

/** A header with the fields that matter; all others zero. */
export function tarHeader(fields: Partial<TarHeader> & Pick<TarHeader, 'name' | 'type'>): TarHeader {
  return {
    linkName: Buffer.alloc(0),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    modified: { seconds: 0, nanoseconds: 0 },
    deviceMajor: 0,
    deviceMinor: 0,
    attributes: new Map(),
    ...fields,
  };
}

/** Two zero blocks. */
export const endOfArchive = Buffer.alloc(2 * blockSize);
