import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { decompressor, detectCompression } from './compression.ts';
import { invalidArchive } from './tar-format.ts';

const magicLength = 8;

/** Decompressed chunks of an archive whose compression its first bytes tell. Throws `invalid-archive` when it breaks off. */
export async function* archiveChunks(archive: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const chunks = bufferChunks(archive, signal);
  let start: Buffer = Buffer.alloc(0);
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) break;
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value]);
    if (start.length >= magicLength) break;
  }
  if (start.length === 0) throw invalidArchive('it is empty');
  const stream = decompressor(detectCompression(start));
  if (stream === undefined) {
    yield start;
    yield* chunks;
    return;
  }
  const feed = async (): Promise<void> => {
    stream.write(start);
    for await (const chunk of chunks) {
      if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
    }
    stream.end();
  };
  const fed = feed().catch((error: unknown) => void stream.destroy(error instanceof Error ? error : undefined));
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if (error instanceof Error && 'code' in error && /^Z_|^ZSTD_/.test(String(error.code))) {
      throw invalidArchive(`it cannot be decompressed: ${error.message}`);
    }
    throw error;
  } finally {
    stream.destroy();
    await fed;
  }
}

function once(stream: Readable, event: string): Promise<void> {
  return new Promise((resolve) => void stream.once(event, () => resolve()));
}

async function* bufferChunks(archive: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const piece of archive) {
    signal.throwIfAborted();
    yield typeof piece === 'string' ? Buffer.from(piece) : (piece as Buffer);
  }
  await finished(archive, { writable: false });
}
