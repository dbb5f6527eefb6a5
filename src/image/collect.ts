import type { ImageContext } from './context.ts';

/**
 * Removes those of `candidates` (diff ids and blob digests) that no image, no container and no work in progress
 * refers to. Returns the diff ids of removed layers and the bytes that they took.
 */
export async function collect(
  context: ImageContext,
  candidates: readonly string[],
): Promise<{ readonly layers: readonly string[]; readonly bytes: number }> {
  const used = referenced(context);
  const removed: string[] = [];
  let bytes = 0;
  for (const key of new Set(candidates)) {
    const layer = context.layers.get(key);
    if (layer === undefined || used.layers.has(key) || context.pins.has(key)) continue;
    await context.layers.remove(key);
    removed.push(key);
    bytes += layer.size;
  }
  const blobs = referenced(context).blobs;
  for (const key of new Set(candidates)) {
    if (!blobs.has(key) && !context.pins.has(key)) await context.content.remove(key);
  }
  return { layers: removed, bytes };
}

/** What images, containers and unpacked layers need. */
function referenced(context: ImageContext): { readonly layers: Set<string>; readonly blobs: Set<string> } {
  const layers = new Set<string>();
  const blobs = new Set<string>();
  for (const image of context.index.all()) {
    blobs.add(image.id);
    for (const layer of image.layers) {
      layers.add(layer.diffId);
      blobs.add(layer.blob);
    }
  }
  for (const snapshot of context.catalog.snapshots()) for (const diffId of snapshot.layers) layers.add(diffId);
  // The blob that a layer was unpacked from repairs it after a power cut.
  for (const layer of context.layers.all()) blobs.add(layer.blob);
  return { layers, blobs };
}

/** After a crash: everything that was half done. */
export async function collectAll(context: ImageContext): Promise<void> {
  await collect(context, [...context.layers.all().map((layer) => layer.diffId), ...context.content.digests()]);
}
