import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CortenError, describeError, resourceExhausted } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { Root } from '../kernel/rooted.ts';
import { type Compression, decompressor, detectCompression } from './compression.ts';
import { invalidLayer, LayerWriter } from './layer-writer.ts';
import type { Unpacked, UnpackTask } from './tasks.ts';

const chunkSize = 1024 * 1024;

/**
 * Unpacks a layer blob and hashes its uncompressed bytes. For a worker thread: it writes synchronously.
 * On failure the directory holds a part of the layer, which the caller removes.
 */
export async function unpackLayer(task: UnpackTask): Promise<Unpacked> {
  const root = Root.open(task.directory);
  const writer = new LayerWriter(root, task.limits);
  const hash = createHash('sha256');
  try {
    const compression = await feed(task.blob, (chunk, compressed) => {
      if (compressed) hash.update(chunk);
      writer.push(chunk);
    });
    const { size, opaqueRoot } = writer.finish();
    // Bytes that are not compressed were hashed when they were received.
    const diffId = compression === 'none' ? task.blobDigest : `sha256:${hash.digest('hex')}`;
    return { diffId, size, opaqueRoot };
  } catch (error) {
    throw translated(error);
  } finally {
    writer.close();
    root.close();
  }
}

async function feed(blob: string, push: (chunk: Buffer, compressed: boolean) => void): Promise<Compression> {
  const file = openSync(blob, 'r');
  try {
    const buffer = Buffer.alloc(chunkSize);
    const first = readSync(file, buffer);
    const compression = detectCompression(buffer.subarray(0, first));
    const decompress = decompressor(compression);
    if (decompress === undefined) {
      // Read in one loop without streams, which take as long as the rest of the work for plain tar.
      for (let length = first; length > 0; length = readSync(file, buffer)) push(buffer.subarray(0, length), false);
      return compression;
    }
    await pipeline(
      createReadStream(blob, { highWaterMark: chunkSize }),
      decompress,
      async (source: AsyncIterable<Buffer>) => {
        for await (const chunk of source) push(chunk, true);
      },
    );
    return compression;
  } finally {
    closeSync(file);
  }
}

/** What the kernel says of a malformed layer is the layer's fault, except for a full disk. */
function translated(error: unknown): unknown {
  if (error instanceof CortenError) return error;
  if (hasErrno(error, 'ENOSPC', 'EDQUOT')) {
    return resourceExhausted('disk-full', 'no space is left on the device of the data root', { cause: error });
  }
  const faults = [
    'ENAMETOOLONG',
    'ENOTDIR',
    'ELOOP',
    'EISDIR',
    'EPERM',
    'EEXIST',
    'EXDEV',
    'ENOENT',
    'EINVAL',
    'EMLINK',
  ];
  if (hasErrno(error, ...faults)) return invalidLayer(describeError(error));
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z')) {
    return invalidLayer(`it cannot be decompressed: ${error.message}`);
  }
  return error;
}
