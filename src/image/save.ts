import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { dataLoss } from '../base/index.ts';
import type { ImageContext } from './context.ts';
import { digestHex, isDigest } from './digest.ts';
import type { StoredImage } from './images.ts';
import { configurationType, indexType, manifestType } from './media-types.ts';
import type { PinSession } from './pins.ts';
import { collect } from './collect.ts';
import { canonicalReference, familiarName, familiarReference, parseReference, repositoryOf } from './reference.ts';
import { encodeHeader, endOfArchive, paddingOf, tarHeader, tarType } from './tar-format.ts';

interface SavedImage {
  readonly image: StoredImage;
  readonly manifest: Buffer;
  /** Canonical references to save it under. */
  readonly references: Set<string>;
}

/**
 * One tar that is both what `docker load` reads (manifest.json, repositories) and an OCI layout. Equal images give
 * equal bytes. Everything is resolved before the first byte.
 */
export async function saveImages(context: ImageContext, references: readonly string[]): Promise<Readable> {
  const images = new Map<string, SavedImage>();
  for (const text of references) {
    for (const { image, reference } of selected(context, text)) {
      const saved = images.get(image.id) ?? {
        image,
        manifest: await manifestOf(context, image),
        references: new Set(),
      };
      images.set(image.id, saved);
      if (reference !== undefined) saved.references.add(reference);
    }
  }
  const pins = context.pins.session();
  for (const { image } of images.values()) {
    for (const key of [image.id, ...image.layers.flatMap((layer) => [layer.blob, layer.diffId])]) pins.pin(key);
    context.notify({ kind: 'save', id: image.id, reference: undefined });
  }
  const stream = Readable.from(archive(context, [...images.values()]), { objectMode: false });
  stream.once('close', () => release(context, pins));
  return stream;
}

function release(context: ImageContext, pins: PinSession): void {
  collect(context, pins.release()).catch((error: unknown) => {
    context.log.error({ err: error }, 'collecting what was removed during a save failed');
  });
}

/** A name without a tag means all tags of the repository, as in Docker; an id means the image without a name. */
function selected(
  context: ImageContext,
  text: string,
): readonly { readonly image: StoredImage; readonly reference: string | undefined }[] {
  const image = context.index.resolve(text);
  if (isDigest(text) || /^[0-9a-f]{64}$/.test(text)) return [{ image, reference: undefined }];
  const parsed = parseReference(text);
  const named = canonicalReference(parsed);
  if (context.index.target(named) !== image.id) return [{ image, reference: undefined }];
  if (parsed.tag !== undefined || parsed.digest !== undefined) {
    return [{ image, reference: parsed.digest === undefined ? named : undefined }];
  }
  const repository = repositoryOf(parsed);
  return context.index
    .all()
    .flatMap((candidate) =>
      context.index.referencesOf(candidate.id).map((reference) => ({ image: candidate, reference })),
    )
    .filter(({ reference }) => reference.startsWith(`${repository}:`));
}

async function sizeOf(context: ImageContext, digest: string): Promise<number> {
  const size = await context.content.size(digest);
  if (size === undefined) throw dataLoss('blob-missing', `the blob ${digest} is missing from the content store`);
  return size;
}

async function manifestOf(context: ImageContext, image: StoredImage): Promise<Buffer> {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: configurationType, digest: image.id, size: await sizeOf(context, image.id) },
      layers: image.layers.map(({ mediaType, blob, blobSize }) => ({ mediaType, digest: blob, size: blobSize })),
    }),
  );
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function blobName(digest: string): string {
  return `blobs/sha256/${digestHex(digest)}`;
}

async function* archive(context: ImageContext, images: readonly SavedImage[]): AsyncGenerator<Buffer> {
  for (const name of ['blobs/', 'blobs/sha256/']) {
    yield encodeHeader(tarHeader({ name: Buffer.from(name), type: tarType.directory, mode: 0o755 }));
  }
  const manifests = new Map(images.map(({ manifest }) => [digestOf(manifest), manifest]));
  const stored = images.flatMap(({ image }) => [image.id, ...image.layers.map((layer) => layer.blob)]);
  for (const digest of [...new Set([...stored, ...manifests.keys()])].toSorted()) {
    const manifest = manifests.get(digest);
    if (manifest === undefined) yield* storedBlob(context, digest);
    else yield file(blobName(digest), manifest);
  }
  for (const [name, value] of descriptions(images)) yield file(name, Buffer.from(JSON.stringify(value)));
  yield endOfArchive;
}

async function* storedBlob(context: ImageContext, digest: string): AsyncGenerator<Buffer> {
  const size = await sizeOf(context, digest);
  yield header(blobName(digest), size);
  let sent = 0;
  for await (const chunk of context.content.stream(digest)) {
    const bytes = chunk as Buffer;
    sent += bytes.length;
    yield bytes;
  }
  if (sent !== size) throw dataLoss('blob-corrupt', `the blob ${digest} changed while it was read`);
  if (paddingOf(size) > 0) yield Buffer.alloc(paddingOf(size));
}

function header(name: string, size: number): Buffer {
  return encodeHeader(tarHeader({ name: Buffer.from(name), type: tarType.file, mode: 0o644, size }));
}

function file(name: string, content: Buffer): Buffer {
  return Buffer.concat([header(name, content.length), content, Buffer.alloc(paddingOf(content.length))]);
}

function descriptions(images: readonly SavedImage[]): readonly (readonly [name: string, value: unknown])[] {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, references } of images) {
    for (const reference of references) {
      const parsed = parseReference(reference);
      const tags = (repositories[familiarName(parsed)] ??= {});
      tags[parsed.tag ?? ''] = digestHex(image.layers.at(-1)?.blob ?? image.id);
    }
  }
  return [
    ['index.json', { schemaVersion: 2, mediaType: indexType, manifests: images.flatMap(descriptors) }],
    ['manifest.json', images.map(dockerManifest)],
    ['oci-layout', { imageLayoutVersion: '1.0.0' }],
    ['repositories', repositories],
  ];
}

function dockerManifest({ image, references }: SavedImage): object {
  const tags = [...references].toSorted().map((reference) => familiarReference(parseReference(reference)));
  return {
    Config: blobName(image.id),
    RepoTags: tags.length === 0 ? null : tags,
    Layers: image.layers.map((layer) => blobName(layer.blob)),
  };
}

function descriptors({ image, manifest, references }: SavedImage): object[] {
  const { os, architecture, variant } = image.configuration.platform;
  const descriptor = {
    mediaType: manifestType,
    digest: digestOf(manifest),
    size: manifest.length,
    platform: { architecture, os, variant },
  };
  if (references.size === 0) return [descriptor];
  return [...references].toSorted().map((reference) => ({
    ...descriptor,
    annotations: {
      'io.containerd.image.name': reference,
      'org.opencontainers.image.ref.name': parseReference(reference).tag,
    },
  }));
}
