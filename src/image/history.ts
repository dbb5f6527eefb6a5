import { parseTimestamp } from '../base/index.ts';
import type { ImageContext } from './context.ts';
import type { StoredImage } from './images.ts';
import type { HistoryEntry } from './types.ts';

/** Topmost entry first, as `docker history` shows it. Sizes go to the entries that made a layer. */
export function historyOf(context: ImageContext, image: StoredImage): HistoryEntry[] {
  const { configuration } = image;
  const tags = context.index.describe(image).tags;
  let position = 0;
  const entries = configuration.history.map((entry) => {
    const diffId = entry.emptyLayer ? undefined : configuration.diffIds[position++];
    const size = diffId === undefined ? 0 : (context.layers.get(diffId)?.size ?? 0);
    return {
      id: '<missing>',
      createdSeconds: Number((parseTimestamp(entry.created) ?? 0n) / 1_000_000_000n),
      createdBy: entry.createdBy,
      tags: [],
      size,
      comment: entry.comment,
    };
  });
  return entries.toReversed().map((entry, index) => (index === 0 ? { ...entry, id: image.id, tags } : entry));
}
