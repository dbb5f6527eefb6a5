import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { notImplemented } from '../base/index.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

const magic: readonly (readonly [string, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a])],
  ['bzip2', Buffer.from('BZh')],
  ['lz4', Buffer.from([0x04, 0x22, 0x4d, 0x18])],
];

/** What the first bytes of an archive say. At least 8 bytes are needed. Throws not-implemented for others by name. */
export function detectCompression(start: Buffer): Compression {
  for (const [name, bytes] of magic) {
    if (!start.subarray(0, bytes.length).equals(bytes)) continue;
    if (name === 'gzip' || name === 'zstd') return name;
    throw notImplemented('unsupported-compression', `${name} compression is not supported`, {
      hint: 'gzip, zstd and uncompressed archives are',
    });
  }
  return 'none';
}

/** A decompressing stream, or undefined for "none". Input that breaks off is an error of the stream. */
export function decompressor(compression: Compression): Transform | undefined {
  const options = { chunkSize: 256 * 1024 };
  if (compression === 'gzip') return createGunzip(options);
  return compression === 'zstd' ? createZstdDecompress(options) : undefined;
}
