import { invalidArgument } from '../base/index.ts';
import { hostPlatform } from './configuration.ts';
import { isDigest } from './digest.ts';
import { canonicalReference, parseReference } from './reference.ts';
import type { ReceivedArchive } from './received-archive.ts';

/** One image of an archive: where its parts are, and the canonical references that it is to have. */
export interface ArchivedImage {
  readonly configuration: string;
  readonly layers: readonly string[];
  readonly references: readonly string[];
}

type Json = { readonly [key: string]: unknown };

function invalid(message: string): Error {
  return invalidArgument('invalid-archive', `invalid image archive: ${message}`);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown, what: string): Json[] {
  if (!Array.isArray(value) || !value.every(isObject)) throw invalid(`${what} is not a list of objects`);
  return value;
}

function textsOf(value: unknown, what: string): string[] {
  if (value === undefined || value === null) return [];
  const items: unknown[] = Array.isArray(value) ? value : [];
  if (!Array.isArray(value)) throw invalid(`${what} is not a list`);
  return items.map((item) => {
    if (typeof item !== 'string') throw invalid(`${what} holds something other than strings`);
    return item;
  });
}

/** Docker's manifest.json where there is one, else the OCI layout. */
export async function archivedImages(archive: ReceivedArchive): Promise<ArchivedImage[]> {
  const manifests = await archive.json('manifest.json');
  if (manifests !== undefined) return listOf(manifests, 'manifest.json').map(dockerImage);
  const index = await archive.json('index.json');
  if (index === undefined) throw invalid('it has neither manifest.json nor index.json');
  if (!isObject(index)) throw invalid('index.json is not an object');
  const images: ArchivedImage[] = [];
  for (const descriptor of listOf(index['manifests'], 'index.json')) {
    const image = await ociImage(archive, descriptor, 0);
    if (image !== undefined) images.push(image);
  }
  return images;
}

function dockerImage(entry: Json): ArchivedImage {
  const configuration = entry['Config'];
  if (typeof configuration !== 'string') throw invalid('manifest.json names no Config');
  return {
    configuration,
    layers: textsOf(entry['Layers'], 'Layers'),
    references: textsOf(entry['RepoTags'], 'RepoTags').map((tag) => canonicalReference(parseReference(tag))),
  };
}

function blobPath(descriptor: unknown): string {
  const digest = isObject(descriptor) ? descriptor['digest'] : undefined;
  if (typeof digest !== 'string' || !isDigest(digest)) throw invalid('a descriptor has no sha256 digest');
  return `blobs/${digest.replace(':', '/')}`;
}

const maximumNesting = 3;

async function ociImage(archive: ReceivedArchive, descriptor: Json, depth: number): Promise<ArchivedImage | undefined> {
  const manifest = await archive.json(blobPath(descriptor));
  if (!isObject(manifest)) throw invalid(`the manifest ${blobPath(descriptor)} is missing`);
  if (manifest['manifests'] !== undefined) {
    if (depth >= maximumNesting) throw invalid('indexes are nested too deeply');
    const inner = ownPlatform(listOf(manifest['manifests'], 'an index'), archive);
    if (inner === undefined) return undefined;
    const image = await ociImage(archive, inner, depth + 1);
    return image && { ...image, references: [...image.references, ...referencesOf(descriptor)] };
  }
  // Attestations and other artifacts stand in indexes beside images.
  if (!isObject(manifest['config']) || isArtifact(manifest['config'])) return undefined;
  return {
    configuration: blobPath(manifest['config']),
    layers: listOf(manifest['layers'] ?? [], 'layers').map(blobPath),
    references: referencesOf(descriptor),
  };
}

function isArtifact(configuration: Json): boolean {
  const type = configuration['mediaType'];
  return typeof type === 'string' && !/image(?:\.config)?\.v1\+json$/.test(type);
}

/** The manifest for this machine; archives often hold only some of the platforms that their index lists. */
function ownPlatform(manifests: readonly Json[], archive: ReceivedArchive): Json | undefined {
  const host = hostPlatform();
  const present = manifests.filter((manifest) => archive.find(blobPath(manifest)) !== undefined);
  const matching = present.find((manifest) => {
    const platform = manifest['platform'];
    return isObject(platform) && platform['os'] === host.os && platform['architecture'] === host.architecture;
  });
  return matching ?? present.find((manifest) => manifest['platform'] === undefined);
}

/** Names stand in annotations. A bare "latest" of org.opencontainers.image.ref.name names no repository. */
function referencesOf(descriptor: Json): string[] {
  const annotations = isObject(descriptor['annotations']) ? descriptor['annotations'] : {};
  const full = annotations['io.containerd.image.name'];
  const name = annotations['org.opencontainers.image.ref.name'];
  const text = typeof full === 'string' ? full : typeof name === 'string' && /[:/]/.test(name) ? name : undefined;
  return text === undefined ? [] : [canonicalReference(parseReference(text))];
}
