import { conflict } from '../base/index.ts';
import { collect } from './collect.ts';
import type { ImageContext } from './context.ts';
import { isDigest } from './digest.ts';
import { chainIds, type StoredImage } from './images.ts';
import { canonicalReference, familiarReference, parseReference, repositoryOf } from './reference.ts';
import type { Image, ImageRemoval, ImageStore } from './types.ts';

/** Which containers use an image id. */
export type ImageUsage = Parameters<ImageStore['setUsage']>[0];

interface Removal {
  readonly context: ImageContext;
  readonly usage: ImageUsage;
  readonly image: StoredImage;
  readonly force: boolean;
  readonly removals: ImageRemoval[];
}

/** How often Docker shortens ids in its messages. */
const shortLength = 12;

function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, shortLength);
}

function inUse(message: string): Error {
  return conflict('image-in-use', `conflict: ${message}`);
}

function untag({ context, image, removals }: Removal, reference: string): void {
  context.index.removeReference(reference);
  const familiar = familiarReference(parseReference(reference));
  removals.push({ untagged: familiar });
  context.notify({ kind: 'untag', id: image.id, reference: familiar });
}

/** All references in one repository, and at most one of them a tag. */
function isSingleReference(references: readonly string[]): boolean {
  const repositories = new Set(references.map((reference) => repositoryOf(parseReference(reference))));
  return repositories.size <= 1 && references.filter((reference) => !reference.includes('@')).length <= 1;
}

/** The canonical reference that the text means, if it is one of these. A name wins over an id that begins like it. */
function namedReference(text: string, references: readonly string[]): string | undefined {
  if (isDigest(text) || /^[0-9a-f]{64}$/.test(text)) return undefined;
  const reference = canonicalReference(parseReference(text));
  return references.includes(reference) ? reference : undefined;
}

/** Docker's rules of `rmi`: a tag goes; with the last one the image goes, if no container uses it. */
export async function removeImage(
  context: ImageContext,
  usage: ImageUsage,
  text: string,
  options: { readonly force: boolean; readonly prune: boolean },
): Promise<readonly ImageRemoval[]> {
  const image = context.index.resolve(text);
  const removal: Removal = { context, usage, image, force: options.force, removals: [] };
  const references = context.index.referencesOf(image.id);
  const named = namedReference(text, references);
  if (named !== undefined) {
    if (!removeName(removal, text, named, references)) return removal.removals;
    // The name is gone, which was asked for; an image that a container uses stays without one.
    if (usage(image.id).some((user) => user.running || !options.force)) return removal.removals;
  } else if (isSingleReference(references)) {
    checkUnused(removal, false);
    for (const reference of references) untag(removal, reference);
  }
  checkUnused(removal, true);
  await deleteImage(removal);
  return removal.removals;
}

/** Removes one name; says whether the image has none left and goes too. */
function removeName(removal: Removal, text: string, name: string, references: readonly string[]): boolean {
  const { context, usage, image, force } = removal;
  const [user] = usage(image.id);
  if (!force && user !== undefined && isSingleReference(references)) {
    const container = user.containerId.slice(0, shortLength);
    throw inUse(
      `unable to remove repository reference ${JSON.stringify(text)} (must force) - container ${container} is using its referenced image ${shortId(image.id)}`,
    );
  }
  untag(removal, name);
  const repository = repositoryOf(parseReference(name));
  const remaining = context.index.referencesOf(image.id);
  const sameRepository = remaining.filter((other) => repositoryOf(parseReference(other)) === repository);
  // A digest alone does not keep an image: it went with the last tag of its repository.
  if (!name.includes('@') && sameRepository.every((other) => other.includes('@'))) {
    for (const other of sameRepository) untag(removal, other);
  }
  return context.index.referencesOf(image.id).length === 0;
}

function checkUnused({ context, usage, image, force }: Removal, checkReferences: boolean): void {
  const users = usage(image.id);
  const id = shortId(image.id);
  const running = users.find((user) => user.running);
  if (running !== undefined) {
    const container = running.containerId.slice(0, shortLength);
    throw inUse(`unable to delete ${id} (cannot be forced) - image is being used by running container ${container}`);
  }
  if (force) return;
  if (checkReferences && context.index.referencesOf(image.id).length > 0) {
    throw inUse(`unable to delete ${id} (must be forced) - image is referenced in multiple repositories`);
  }
  const [stopped] = users;
  if (stopped === undefined) return;
  const container = stopped.containerId.slice(0, shortLength);
  throw inUse(`unable to delete ${id} (must be forced) - image is being used by stopped container ${container}`);
}

async function deleteImage(removal: Removal): Promise<number> {
  const { context, image, removals } = removal;
  for (const reference of context.index.referencesOf(image.id)) untag(removal, reference);
  const { diffIds } = image.configuration;
  context.index.remove(image.id);
  removals.push({ deleted: image.id });
  context.notify({ kind: 'delete', id: image.id, reference: undefined });
  const candidates = [image.id, ...image.layers.flatMap((layer) => [layer.diffId, layer.blob])];
  const collected = await collect(context, candidates);
  const chains = chainIds(diffIds);
  for (const [position, diffId] of [...diffIds.entries()].toReversed()) {
    if (collected.layers.includes(diffId)) removals.push({ deleted: chains[position] ?? diffId });
  }
  return collected.bytes;
}

export async function pruneImages(
  context: ImageContext,
  usage: ImageUsage,
  options: { readonly dangling: boolean; readonly matches: (image: Image) => boolean },
): Promise<{ readonly removals: readonly ImageRemoval[]; readonly spaceReclaimed: number }> {
  const removals: ImageRemoval[] = [];
  let spaceReclaimed = 0;
  for (const image of context.index.all()) {
    const dangling = context.index.referencesOf(image.id).length === 0;
    if (options.dangling && !dangling) continue;
    if (usage(image.id).length > 0 || !options.matches(context.index.describe(image))) continue;
    spaceReclaimed += await deleteImage({ context, usage, image, force: false, removals });
  }
  if (removals.length > 0) context.notify({ kind: 'prune', id: '', reference: undefined });
  return { removals, spaceReclaimed };
}
