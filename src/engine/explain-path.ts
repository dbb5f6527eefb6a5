import { posix } from 'node:path';
import { invalidArgument } from '../base/index.ts';
import type { Snapshots } from '../image/types.ts';
import {
  close,
  hasErrno,
  type MountEntry,
  openFlags,
  openProcessRoot,
  resolvedPath,
  Root,
  typeWithoutLinks,
} from '../kernel/index.ts';
import type { Container, ContainerExplanation, MountPoint } from './types.ts';

type FileExplanation = NonNullable<ContainerExplanation['file']>;

export interface LayerDirectory {
  readonly directory: string;
  readonly diffId: string;
}

/** What a path of a container is looked up in. */
export interface PathSources {
  /** Topmost first. */
  readonly layers: readonly LayerDirectory[];
  /** The writable layer; undefined when the root is a plain directory. */
  readonly upper: string | undefined;
  /** Of a running container; what a stopped one would mount is told by `mountPoints`. */
  readonly mounts: readonly MountEntry[] | undefined;
  readonly mountPoints: readonly MountPoint[];
}

/**
 * Which mount or layer a file of a container comes from. Symbolic links are followed inside of the container's root by the kernel,
 * so the answer is about the file that a process in the container would open.
 * Throws invalid-argument `invalid-path` for a path that is not absolute.
 */
export function explainPath(
  container: Container,
  path: string,
  snapshots: Pick<Snapshots, 'openMerged'>,
  sources: PathSources,
): FileExplanation {
  if (!posix.isAbsolute(path) || path.includes('\0')) {
    throw invalidArgument('invalid-path', `the path ${JSON.stringify(path)} is not absolute`);
  }
  const wanted = posix.normalize(path);
  using root = openRoot(container, snapshots);
  const resolved = resolveIn(root, wanted);
  if (resolved === undefined) {
    const mount = mountOf(sources, wanted);
    if (mount === undefined) return missing(sources, wanted);
    // The volumes of a stopped container are not mounted: what lies in them cannot be seen from here.
    if (sources.mounts === undefined) return mount;
    return { path: wanted, origin: 'missing', detail: `no such file or directory in ${mount.detail}` };
  }
  const mount = mountOf(sources, resolved);
  const found = mount ?? layerOf(sources, resolved);
  if (resolved === wanted) return found;
  return { ...found, path: wanted, detail: `${found.detail} (${wanted} leads to ${resolved})` };
}

/** The mounted root of a running container; a mount of its own, which goes with the descriptor, of one that is stopped. */
function openRoot({ id, state }: Container, snapshots: Pick<Snapshots, 'openMerged'>): Root {
  return state.pid > 0 ? openProcessRoot(state.pid) : Root.fromDescriptor(snapshots.openMerged(id));
}

function resolveIn(root: Root, path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = root.open(path, openFlags.path);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
    return withDanglingEnd(root, path);
  }
  try {
    return insideOf(root, descriptor);
  } finally {
    close(descriptor);
  }
}

/** The path of a descriptor from `root`, which itself may be any directory of the host. */
function insideOf(root: Root, descriptor: number): string {
  const prefix = resolvedPath(root.descriptor);
  const path = resolvedPath(descriptor);
  return prefix === '/' ? path : path.slice(prefix.length) || '/';
}

/** A link that leads nowhere is a file too. */
function withDanglingEnd(root: Root, path: string): string | undefined {
  try {
    const descriptor = root.open(path, openFlags.path | openFlags.noFollow);
    try {
      return insideOf(root, descriptor);
    } finally {
      close(descriptor);
    }
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

const isBelow = (path: string, directory: string): boolean =>
  directory === '/' || path === directory || path.startsWith(`${directory}/`);

/** The mount that covers a path, unless that is the root file system itself. */
function mountOf(sources: PathSources, path: string): FileExplanation | undefined {
  const targets = (sources.mounts ?? sources.mountPoints).map(({ target }) => target);
  // The longest target decides; of mounts on top of each other the last one.
  let best = -1;
  for (const [index, target] of targets.entries()) {
    if (isBelow(path, target) && target.length >= (targets[best]?.length ?? 0)) best = index;
  }
  const target = targets[best];
  if (target === undefined || target === '/') return undefined;
  const point = sources.mountPoints.find((candidate) => candidate.target === target);
  const entry = sources.mounts?.[best];
  return { path, origin: 'mount', detail: point === undefined ? describeEntry(entry, target) : describePoint(point) };
}

function describePoint({ type, name, source, target, readOnly }: MountPoint): string {
  const mode = readOnly ? ', read-only' : '';
  if (type === 'volume') return `volume ${name ?? ''} (${source}) mounted at ${target}${mode}`;
  return type === 'bind' ? `host path ${source} mounted at ${target}${mode}` : `tmpfs mounted at ${target}${mode}`;
}

function describeEntry(entry: MountEntry | undefined, target: string): string {
  if (entry === undefined) return `a mount at ${target}`;
  return `${entry.type} ${mountSource(entry)} mounted at ${target}`;
}

/** As findmnt shows it: the part of the file system that is mounted in brackets. */
export function mountSource({ source, root }: MountEntry): string {
  return root === '/' ? source : `${source}[${root}]`;
}

interface Sighting {
  /** undefined: the writable layer. */
  readonly layer: LayerDirectory | undefined;
  readonly type: 'directory' | 'whiteout' | 'other';
}

/** Where a path occurs, topmost first. */
function* sightings({ upper, layers }: PathSources, path: string): Generator<Sighting> {
  const directories: { readonly directory: string; readonly layer: LayerDirectory | undefined }[] = [
    ...(upper === undefined ? [] : [{ directory: upper, layer: undefined }]),
    ...layers.map((layer) => ({ directory: layer.directory, layer })),
  ];
  for (const { directory, layer } of directories) {
    using root = Root.open(directory);
    const type = typeWithoutLinks(root, path);
    if (type !== undefined) yield { layer, type };
  }
}

function layerOf(sources: PathSources, path: string): FileExplanation {
  if (sources.upper === undefined && sources.layers.length === 0) {
    return { path, origin: 'writable-layer', detail: 'the root is one directory without layers' };
  }
  const [first, ...below] = sightings(sources, path);
  // Entries that the kernel makes up, e.g. the root of a layer stack, need no layer.
  if (first === undefined) return { path, origin: 'writable-layer', detail: 'made by the overlay itself' };
  const others = below.filter(({ type }) => type !== 'whiteout').length;
  const more =
    others === 0 ? '' : first.type === 'directory' ? `, merged with ${others} more below` : `, covers ${others} below`;
  if (first.layer === undefined) {
    const changed = others === 0 ? 'made by the container' : 'changed by the container';
    return { path, origin: 'writable-layer', detail: `${changed}${more}` };
  }
  const number = sources.layers.length - sources.layers.indexOf(first.layer);
  return {
    path,
    origin: 'image-layer',
    layer: first.layer.diffId,
    detail: `image layer ${number} of ${sources.layers.length} (${first.layer.directory})${more}`,
  };
}

function missing(sources: PathSources, path: string): FileExplanation {
  const [first, ...below] = sightings(sources, path);
  const hidden = below.find(({ type }) => type !== 'whiteout');
  if (first?.type === 'whiteout' && hidden !== undefined) {
    const who = first.layer === undefined ? 'the container' : `image layer ${first.layer.diffId}`;
    const layer = hidden.layer?.diffId;
    return {
      path,
      origin: 'missing',
      ...(layer === undefined ? {} : { layer }),
      detail: `deleted by ${who}; image layer ${layer ?? ''} still holds it`,
    };
  }
  return { path, origin: 'missing', detail: 'no such file or directory' };
}
