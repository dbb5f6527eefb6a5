import { posix } from 'node:path';
import type { FilesystemChange } from '../image/types.ts';
import type { Container } from './types.ts';

/** Places that every container is given something at: their mount points appear in the writable layer, made by us. */
const given = ['/dev', '/proc', '/sys', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf'] as const;
const added = 1;
const modified = 0;

/**
 * The changes that a container made itself. Mount points that were made for it, and directories that changed only by that, are left
 * out, as in Docker, where they belong to a layer of their own.
 */
export function ownChanges(
  changes: readonly FilesystemChange[],
  { mounts }: Pick<Container, 'mounts'>,
): readonly FilesystemChange[] {
  const mountPoints = new Set([...given, ...mounts.map(({ target }) => target)]);
  const isGiven = ({ path, kind }: FilesystemChange): boolean =>
    kind === added && [...mountPoints].some((point) => path === point || isBelow(point, path));
  const dropped = changes.filter(isGiven);
  const kept = changes.filter((change) => !isGiven(change));
  const touched = new Set(dropped.map(({ path }) => posix.dirname(path)));
  const isEmptied = ({ path, kind }: FilesystemChange): boolean =>
    kind === modified && touched.has(path) && !kept.some((other) => isBelow(other.path, path));
  return kept.filter((change) => !isEmptied(change));
}

/** Whether `path` lies somewhere below `directory`. */
function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory === '/' ? '/' : `${directory}/`) && path !== directory;
}
