import type { Readable } from 'node:stream';
import { invalidArgument, now } from '../base/index.ts';
import { type ArchivedImage, archivedImages } from './archive-manifests.ts';
import type { ImageLayerRow } from './catalog.ts';
import { collect } from './collect.ts';
import { type ImageConfiguration, maximumConfigurationBytes, parseConfiguration } from './configuration.ts';
import type { ImageContext } from './context.ts';
import type { Blob } from './content-store.ts';
import { mediaTypeOf } from './media-types.ts';
import type { PinSession } from './pins.ts';
import { ReceivedArchive } from './received-archive.ts';
import { familiarReference, parseReference } from './reference.ts';
import { cancelled } from './single-layer.ts';
import type { ReportProgress } from './types.ts';

export interface LoadedImage {
  readonly id: string;
  readonly reference: string | undefined;
}

interface PreparedImage {
  readonly id: string;
  readonly configuration: ImageConfiguration;
  readonly rows: readonly ImageLayerRow[];
  readonly references: readonly string[];
}

/**
 * Loads every image of an archive, or none: images appear in one transaction when all layers are unpacked.
 */
export async function loadArchive(
  context: ImageContext,
  archive: Readable,
  report: ReportProgress,
  signal: AbortSignal,
): Promise<LoadedImage[]> {
  const pins = context.pins.session();
  try {
    const received = new ReceivedArchive(context.content);
    await received.receive(archive, pins, signal, () => undefined);
    const prepared: PreparedImage[] = [];
    for (const image of await archivedImages(received)) {
      prepared.push(await prepareImage(context, received, image, pins, report, signal));
    }
    await context.content.durable(prepared.flatMap(({ id, rows }) => [id, ...rows.map((row) => row.blob)]));
    return commit(context, prepared);
  } catch (error) {
    if (signal.aborted) throw cancelled(signal);
    throw error;
  } finally {
    await collect(context, pins.release());
  }
}

async function prepareImage(
  context: ImageContext,
  received: ReceivedArchive,
  image: ArchivedImage,
  pins: PinSession,
  report: ReportProgress,
  signal: AbortSignal,
): Promise<PreparedImage> {
  const { digest } = received.require(image.configuration);
  const configuration = parseConfiguration(await context.content.read(digest, maximumConfigurationBytes));
  const { diffIds } = configuration;
  if (diffIds.length !== image.layers.length) {
    throw invalidArgument(
      'invalid-archive',
      `invalid image archive: ${image.layers.length} layers where the configuration names ${diffIds.length}`,
    );
  }
  const layers = diffIds.map((diffId, position) => ({
    diffId,
    blob: received.require(image.layers[position] ?? ''),
  }));
  const rows = await Promise.all(
    layers.map(async ({ diffId, blob }) => {
      signal.throwIfAborted();
      pins.pin(diffId);
      return unpack(context, diffId, blob, report);
    }),
  );
  return { id: digest, configuration, rows, references: image.references };
}

async function unpack(
  context: ImageContext,
  diffId: string,
  blob: Blob,
  report: ReportProgress,
): Promise<ImageLayerRow> {
  const id = diffId.slice('sha256:'.length, 'sha256:'.length + 12);
  report({ status: 'Loading layer', id, current: 0, total: blob.size });
  await context.layers.unpack(blob.digest, diffId);
  report({ status: 'Loading layer', id, current: blob.size, total: blob.size });
  return {
    diffId,
    blob: blob.digest,
    mediaType: await mediaTypeOf(context.content.path(blob.digest)),
    blobSize: blob.size,
  };
}

function commit(context: ImageContext, prepared: readonly PreparedImage[]): LoadedImage[] {
  const time = now();
  const loaded = context.catalog.transaction(() =>
    prepared.flatMap(({ id, configuration, rows, references }): LoadedImage[] => {
      context.index.add(id, configuration, rows);
      for (const reference of references) context.index.setReference(reference, id, time);
      if (references.length === 0) return [{ id, reference: undefined }];
      return references.map((reference) => ({ id, reference: familiarReference(parseReference(reference)) }));
    }),
  );
  for (const { id, reference } of loaded) context.notify({ kind: 'load', id, reference });
  return loaded;
}
