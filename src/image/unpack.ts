import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CortenError, describeError, resourceExhausted } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { Root } from '../kernel/rooted.ts';
import { decompressor, detectCompression } from './compression.ts';
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
  const push = (chunk: Buffer): void => {
    hash.update(chunk);
    writer.push(chunk);
  };
  try {
    await feed(task.blob, push);
    const { size, opaqueRoot } = writer.finish();
    return { diffId: `sha256:${hash.digest('hex')}`, size, opaqueRoot };
  } catch (error) {
    throw translated(error);
  } finally {
    writer.close();
    root.close();
  }
}

async function feed(blob: string, push: (chunk: Buffer) => void): Promise<void> {
  const file = openSync(blob, 'r');
  try {
    const buffer = Buffer.alloc(chunkSize);
    const first = readSync(file, buffer);
    const decompress = decompressor(detectCompression(buffer.subarray(0, first)));
    if (decompress === undefined) {
      // Read in one loop without streams, which take as long as the rest of the work for plain tar.
      for (let length = first; length > 0; length = readSync(file, buffer)) push(buffer.subarray(0, length));
      return;
    }
    await pipeline(
      createReadStream(blob, { highWaterMark: chunkSize }),
      decompress,
      async (source: AsyncIterable<Buffer>) => {
        for await (const chunk of source) push(chunk);
      },
    );
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
