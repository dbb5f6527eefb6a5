import { type Log, now, notImplemented, timestampFromNanoseconds } from '../base/index.ts';
import { busyboxRoot } from './bootstrap-busybox.ts';
import { debianRoot } from './bootstrap-debian.ts';
import { defaultPath, emptyDefaults, hostPlatform } from './configuration.ts';
import type { ImageContext } from './context.ts';
import type { StoredImage } from './images.ts';
import { canonicalReference, familiarName, parseReference, withDefaultTag } from './reference.ts';
import { createSingleLayerImage } from './single-layer.ts';
import type { ReportProgress } from './types.ts';

interface Base {
  readonly content: AsyncIterable<Buffer>;
  readonly created: string;
  readonly command: readonly string[];
  readonly createdBy: string;
}

/** Makes "busybox[:TAG]" or "debian:SUITE" without a registry. */
export async function bootstrapImage(
  context: ImageContext,
  text: string,
  report: ReportProgress,
  signal: AbortSignal,
): Promise<StoredImage> {
  const reference = withDefaultTag(parseReference(text));
  const base = await prepareBase(familiarName(reference), reference.tag ?? '', report, signal, context.log);
  const image = await createSingleLayerImage(
    context,
    {
      content: base.content,
      configuration: {
        platform: hostPlatform(),
        created: base.created,
        author: '',
        comment: '',
        defaults: { ...emptyDefaults, env: [defaultPath], command: base.command },
        history: [{ created: base.created, createdBy: base.createdBy, author: '', comment: '', emptyLayer: false }],
      },
      reference: canonicalReference(reference),
      time: now(),
      onReceived: () => report({ status: 'Unpacking' }),
    },
    signal,
  );
  report({ status: `Created ${text} (${image.id.slice(7, 19)})` });
  return image;
}

async function prepareBase(
  name: string,
  tag: string,
  report: ReportProgress,
  signal: AbortSignal,
  log: Log,
): Promise<Base> {
  const createdBy = `corten image bootstrap ${name}:${tag}`;
  if (name === 'busybox') {
    report({ status: 'Building a root file system around /bin/busybox' });
    const { tar, modified } = await busyboxRoot(signal);
    const created = timestampFromNanoseconds(BigInt(modified) * 1_000_000_000n);
    return { content: singleChunk(tar), created, command: ['sh'], createdBy };
  }
  if (name === 'debian') {
    const content = debianRoot(tag === 'latest' ? 'stable' : tag, report, signal, log);
    return { content, created: now(), command: ['bash'], createdBy };
  }
  throw notImplemented('bootstrap-unknown', `there is no recipe to make the image ${name} without a registry`, {
    hint: 'busybox and debian:SUITE can be made',
  });
}

async function* singleChunk(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
}
