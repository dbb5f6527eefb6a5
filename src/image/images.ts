import { createHash } from 'node:crypto';
import { invalidArgument, notFound } from '../base/index.ts';
import type { Catalog, ImageLayerRow } from './catalog.ts';
import { type ImageConfiguration, maximumConfigurationBytes, parseConfiguration } from './configuration.ts';
import type { ContentStore } from './content-store.ts';
import { isDigest } from './digest.ts';
import type { LayerStore } from './layers.ts';
import { canonicalReference, familiarReference, parseReference, repositoryOf, withDefaultTag } from './reference.ts';
import type { Image } from './types.ts';

export interface StoredImage {
  readonly id: string;
  readonly configuration: ImageConfiguration;
  readonly layers: readonly ImageLayerRow[];
  lastTagged: string | undefined;
}

/**
 * All images and the names they go by, in memory, as the catalog has them on disk. Every change is written first.
 */
export class ImageIndex {
  readonly #catalog: Catalog;
  readonly #layers: LayerStore;
  readonly #images = new Map<string, StoredImage>();
  /** Canonical reference to image id. */
  readonly #references = new Map<string, string>();

  constructor(catalog: Catalog, layers: LayerStore) {
    this.#catalog = catalog;
    this.#layers = layers;
  }

  async start(content: ContentStore): Promise<void> {
    for (const { id, lastTagged } of this.#catalog.images()) {
      const configuration = parseConfiguration(await content.read(id, maximumConfigurationBytes));
      this.#images.set(id, { id, configuration, layers: this.#catalog.imageLayers(id), lastTagged });
    }
    for (const { reference, imageId } of this.#catalog.references()) this.#references.set(reference, imageId);
  }

  all(): readonly StoredImage[] {
    return [...this.#images.values()];
  }

  get(id: string): StoredImage | undefined {
    return this.#images.get(id);
  }

  add(id: string, configuration: ImageConfiguration, layers: readonly ImageLayerRow[]): StoredImage {
    const existing = this.#images.get(id);
    if (existing !== undefined) return existing;
    this.#catalog.transaction(() => this.#catalog.addImage(id, layers));
    const image = { id, configuration, layers, lastTagged: undefined };
    this.#images.set(id, image);
    return image;
  }

  remove(id: string): void {
    this.#catalog.removeImage(id);
    this.#images.delete(id);
    for (const [reference, imageId] of this.#references) if (imageId === id) this.#references.delete(reference);
  }

  /** Canonical references of an image, sorted. */
  referencesOf(id: string): string[] {
    return [...this.#references]
      .filter(([, imageId]) => imageId === id)
      .map(([reference]) => reference)
      .toSorted();
  }

  setReference(reference: string, id: string, time: string): void {
    this.#catalog.transaction(() => {
      this.#catalog.setReference(reference, id);
      this.#catalog.setLastTagged(id, time);
    });
    this.#references.set(reference, id);
    const image = this.#images.get(id);
    if (image !== undefined) image.lastTagged = time;
  }

  removeReference(reference: string): void {
    this.#catalog.removeReference(reference);
    this.#references.delete(reference);
  }

  target(reference: string): string | undefined {
    return this.#references.get(reference);
  }

  /** By id, tag or digest reference, unique id prefix, in Docker's order. */
  resolve(text: string): StoredImage {
    const found = this.#find(text);
    if (found !== undefined) return found;
    throw notFound('image-not-found', `No such image: ${displayed(text)}`);
  }

  #find(text: string): StoredImage | undefined {
    if (isDigest(text)) return this.#images.get(text);
    if (/^[0-9a-f]{64}$/.test(text)) return this.#images.get(`sha256:${text}`);
    const prefix = /^(?:sha256:)?([0-9a-f]{1,63})$/.exec(text)?.[1];
    const byPrefix = prefix === undefined ? [] : this.all().filter((image) => image.id.startsWith(`sha256:${prefix}`));
    if (!text.startsWith('sha256:')) {
      const id = this.#byName(text);
      if (id !== undefined) return this.#images.get(id);
    }
    return byPrefix.length === 1 ? byPrefix[0] : undefined;
  }

  /** A digest in a reference may be that of the image itself: loaded images have no other. */
  #byName(text: string): string | undefined {
    const reference = parseReference(text);
    const direct = this.#references.get(canonicalReference(reference));
    if (direct !== undefined || reference.digest === undefined) return direct;
    const repository = repositoryOf(reference);
    const named = this.referencesOf(reference.digest).some((other) => other.startsWith(`${repository}:`));
    return named ? reference.digest : undefined;
  }

  describe(image: StoredImage): Image {
    const { configuration } = image;
    const references = this.referencesOf(image.id).map((text) => familiarReference(parseReference(text)));
    return {
      id: image.id,
      tags: references.filter((text) => !text.includes('@')),
      digests: references.filter((text) => text.includes('@')),
      parent: '',
      comment: configuration.comment,
      author: configuration.author,
      created: configuration.created,
      platform: configuration.platform,
      defaults: configuration.defaults,
      layers: configuration.diffIds,
      size: this.sizeOf(image),
      lastTagged: image.lastTagged,
    };
  }

  /** Bytes of all its layers; a layer that occurs twice counts twice, as in Docker. */
  sizeOf(image: StoredImage): number {
    return image.layers.reduce((sum, layer) => sum + (this.#layers.get(layer.diffId)?.size ?? 0), 0);
  }
}

/** A reference as Docker repeats it in "No such image". */
function displayed(text: string): string {
  try {
    return familiarReference(withDefaultTag(parseReference(text)));
  } catch {
    return text;
  }
}

/** Parses a reference that is to become a tag of an image: a digest cannot be given. */
export function parseTag(text: string): string {
  const reference = parseReference(text);
  if (reference.digest !== undefined) {
    throw invalidArgument('invalid-reference', 'refusing to create a tag with a digest reference');
  }
  return canonicalReference(reference);
}

/** Chain ids (OCI image specification), bottom first: what Docker calls a layer in the answers of rmi. */
export function chainIds(diffIds: readonly string[]): string[] {
  let parent = '';
  return diffIds.map((diffId) => {
    parent = parent === '' ? diffId : `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`;
    return parent;
  });
}
