import type { Readable } from 'node:stream';
import { now } from '../base/index.ts';
import { applyChanges } from './changes.ts';
import { emptyDefaults, hostPlatform } from './configuration.ts';
import type { ImageContext } from './context.ts';
import { parseTag, type StoredImage } from './images.ts';
import { familiarReference, parseReference } from './reference.ts';
import { createSingleLayerImage } from './single-layer.ts';
import type { ImageStore, ReportProgress } from './types.ts';

const defaultMessage = 'Imported from -';
const reportEvery = 1024 * 1024;

/** A root file system's tar becomes an image of one layer. Options are checked before the first byte is read. */
export async function importImage(
  context: ImageContext,
  archive: Readable,
  options: Parameters<ImageStore['import']>[1],
  report: ReportProgress,
  signal: AbortSignal,
): Promise<StoredImage> {
  const reference = options.reference === undefined ? undefined : parseTag(options.reference);
  const defaults = applyChanges(emptyDefaults, options.changes);
  const time = now();
  const comment = options.message ?? defaultMessage;
  let reported = 0;
  const image = await createSingleLayerImage(
    context,
    {
      content: archive,
      configuration: {
        platform: options.platform ?? hostPlatform(),
        created: time,
        author: '',
        comment,
        defaults,
        history: [{ created: time, createdBy: '', author: '', comment, emptyLayer: false }],
      },
      reference,
      time,
      onBytes(total) {
        if (total - reported < reportEvery) return;
        reported = total;
        report({ status: 'Importing', current: total });
      },
    },
    signal,
  );
  const familiar = reference === undefined ? undefined : familiarReference(parseReference(reference));
  context.notify({ kind: 'import', id: image.id, reference: familiar });
  if (familiar !== undefined) context.notify({ kind: 'tag', id: image.id, reference: familiar });
  return image;
}
