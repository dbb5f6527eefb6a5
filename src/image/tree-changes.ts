import type { BigIntStats } from 'node:fs';
import { getAttribute } from '../kernel/files.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { Root } from '../kernel/rooted.ts';
import type { FilesystemChange } from './types.ts';

const modified = 0;
const added = 1;
const deleted = 2;

/**
 * What a container changed, in the words of `docker diff`: a walk of its upper directory, each entry compared with
 * what the lower layers have in its place. Synchronous: for a worker thread.
 * @param lower topmost first
 */
export function changesOf(upper: string, lower: readonly string[]): FilesystemChange[] {
  using top = Root.open(upper);
  const roots = lower.map((path) => Root.open(path));
  try {
    const changes: FilesystemChange[] = [];
    walk(top, { roots, changes }, '');
    return changes.toSorted((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  } finally {
    for (const root of roots) root.close();
  }
}

interface Walk {
  readonly roots: readonly Root[];
  readonly changes: FilesystemChange[];
}

/**
 * What the runtime makes to mount on where an image lacks it. Docker has these in a layer of their own, so that its
 * users never see them as changes.
 */
const mountPoints: ReadonlySet<string> = new Set([
  '.dockerenv',
  'dev',
  'etc/hostname',
  'etc/hosts',
  'etc/mtab',
  'etc/resolv.conf',
  'proc',
  'sys',
]);

function isMountPoint(top: Root, path: string, status: BigIntStats): boolean {
  if (!mountPoints.has(path)) return false;
  return status.isDirectory() ? top.readDirectory(path).length === 0 : status.size === 0n;
}

/**
 * @param path of `directory`, without the leading slash; "" is the root
 * @returns whether there is nothing in it but mount points
 */
function walk(top: Root, context: Walk, path: string): boolean {
  const visible = isOpaque(top, path) ? [] : context.roots;
  const entries = top.readDirectory(path);
  let seen = 0;
  for (const entry of entries) {
    const child = path === '' ? entry.name.toString() : `${path}/${entry.name.toString()}`;
    const status = lstatOf(top, child);
    if (status !== undefined && !visit(top, { ...context, roots: visible }, child, status, context.roots)) seen += 1;
  }
  if (visible.length === 0) pushHidden(top, context, path);
  return entries.length > 0 && seen === 0;
}

/** @returns whether the entry is a mount point, or a directory of such, and no change */
function visit(top: Root, context: Walk, path: string, status: BigIntStats, roots: readonly Root[]): boolean {
  const below = findBelow(roots, path);
  if (status.isCharacterDevice() && status.rdev === 0n) {
    if (below !== undefined) context.changes.push({ path: `/${path}`, kind: deleted });
    return false;
  }
  const kind = below === undefined || context.roots.length === 0 ? added : modified;
  if (kind === added && isMountPoint(top, path, status)) return true;
  const onlyMountPoints = status.isDirectory() && walk(top, context, path);
  if (onlyMountPoints && (kind === added || sameDirectory(status, below, false))) return true;
  if (kind === added || !status.isDirectory() || !sameDirectory(status, below, true)) {
    context.changes.push({ path: `/${path}`, kind });
  }
  return false;
}

/** What an opaque directory hides counts as deleted, unless the upper directory has it again. */
function pushHidden(top: Root, context: Walk, path: string): void {
  if (context.roots.length === 0) return;
  const seen = new Set(top.readDirectory(path).map((entry) => entry.name.toString('latin1')));
  for (const root of context.roots) {
    for (const entry of directoryOf(root, path)) {
      const key = entry.toString('latin1');
      if (seen.has(key)) continue;
      seen.add(key);
      context.changes.push({ path: `/${path}/${entry.toString()}`, kind: deleted });
    }
  }
}

function directoryOf(root: Root, path: string): Buffer[] {
  try {
    return root.readDirectory(path).map((entry) => entry.name);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return [];
    throw error;
  }
}

/** The entry of the topmost layer that has one, unless that is a whiteout or an opaque directory ends the search. */
function findBelow(roots: readonly Root[], path: string): BigIntStats | undefined {
  for (const root of roots) {
    const status = lstatOf(root, path);
    if (status !== undefined) return status.isCharacterDevice() && status.rdev === 0n ? undefined : status;
    if (hidesBelow(root, path)) return undefined;
  }
  return undefined;
}

/** Whether a layer has, above `path`, something that hides what deeper layers hold there. */
function hidesBelow(root: Root, path: string): boolean {
  const parts = path.split('/').slice(0, -1);
  for (let depth = 1; depth <= parts.length; depth++) {
    const parent = parts.slice(0, depth).join('/');
    const status = lstatOf(root, parent);
    if (status === undefined) return false;
    if (!status.isDirectory() || isOpaque(root, parent)) return true;
  }
  return false;
}

function lstatOf(root: Root, path: string): BigIntStats | undefined {
  try {
    return root.lstat(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}

function isOpaque(root: Root, path: string): boolean {
  using directory = root.openRoot(path);
  return getAttribute(directory.descriptor, 'trusted.overlay.opaque')?.toString() === 'y';
}

/** A directory that was only copied up because something inside changed is a change too for Docker: times differ. */
function sameDirectory(status: BigIntStats, below: BigIntStats | undefined, times: boolean): boolean {
  return (
    below !== undefined &&
    below.isDirectory() &&
    status.mode === below.mode &&
    status.uid === below.uid &&
    status.gid === below.gid &&
    (!times || status.mtimeNs === below.mtimeNs)
  );
}
