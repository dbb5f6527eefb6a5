import { CortenError, invalidArgument } from '../base/index.ts';
import type { ImageLayerRow } from './catalog.ts';
import { collect } from './collect.ts';
import { detectCompression } from './compression.ts';
import { encodeConfiguration, type ImageConfiguration } from './configuration.ts';
import type { ImageContext } from './context.ts';
import type { Blob } from './content-store.ts';
import type { StoredImage } from './images.ts';
import { mediaTypes } from './media-types.ts';

export interface SingleLayerImage {
  readonly content: AsyncIterable<Buffer | Uint8Array | string>;
  /** Everything but diffIds, which the layer says. */
  readonly configuration: Omit<ImageConfiguration, 'diffIds'>;
  /** Canonical reference. */
  readonly reference: string | undefined;
  readonly time: string;
  readonly onBytes?: (total: number) => void;
  /** All bytes are here; unpacking them begins. */
  readonly onReceived?: () => void;
}

/** Makes an image of one layer from a root file system's tar (compressed or not). */
export async function createSingleLayerImage(
  context: ImageContext,
  request: SingleLayerImage,
  signal: AbortSignal,
): Promise<StoredImage> {
  const pins = context.pins.session();
  try {
    const { blob, mediaType } = await receive(context, request, signal);
    pins.pin(blob.digest);
    request.onReceived?.();
    const layer = await context.layers.unpack(blob.digest, undefined);
    pins.pin(layer.diffId);
    signal.throwIfAborted();
    const configuration = { ...request.configuration, diffIds: [layer.diffId] };
    const stored = await context.content.write(encodeConfiguration(configuration));
    pins.pin(stored.digest);
    await context.content.durable([blob.digest]);
    const rows: ImageLayerRow[] = [{ diffId: layer.diffId, blob: blob.digest, mediaType, blobSize: blob.size }];
    return context.catalog.transaction(() => {
      const image = context.index.add(stored.digest, configuration, rows);
      if (request.reference !== undefined) context.index.setReference(request.reference, image.id, request.time);
      return image;
    });
  } finally {
    await collect(context, pins.release());
  }
}

async function receive(
  context: ImageContext,
  request: SingleLayerImage,
  signal: AbortSignal,
): Promise<{ readonly blob: Blob; readonly mediaType: string }> {
  const writer = await context.content.begin();
  try {
    let start = Buffer.alloc(0);
    let total = 0;
    for await (const piece of request.content) {
      signal.throwIfAborted();
      const chunk =
        typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.length);
      if (start.length < 8) start = Buffer.concat([start, chunk.subarray(0, 8)]);
      await writer.write(chunk);
      total += chunk.length;
      request.onBytes?.(total);
    }
    if (total === 0) throw invalidArgument('invalid-archive', 'invalid tar archive: it is empty');
    const mediaType = mediaTypes[detectCompression(start)];
    return { blob: await writer.commit(), mediaType };
  } catch (error) {
    if (signal.aborted) throw cancelled(signal);
    throw error;
  } finally {
    await writer.abort();
  }
}

export function cancelled(signal: AbortSignal): Error {
  return new CortenError('cancelled', 'the operation was cancelled', { code: 'cancelled', cause: signal.reason });
}
