import { fstatSync } from 'node:fs';
import {
  changeMode,
  changeOwner,
  changeTimes,
  close,
  getAttribute,
  hasErrno,
  listAttributes,
  makeDirectoryAt,
  openat2,
  openFlags,
  readDirectory,
  removeDirectoryAt,
  removeTreeAt,
  renameAt,
  resolveFlags,
  Root,
  setAttribute,
  statDescriptor,
  workingDirectory,
} from '../kernel/index.ts';
import { copyTree, timeOf } from './copy-tree.ts';

/**
 * Copy-up: an empty volume gets the content that the image has at the mount's target. It is crash safe: the copy is made in
 * `.copying`, which then is renamed to `.copied` and moved into `_data` entry by entry. `_data` itself stays the same directory, since
 * another container may have it mounted. After a crash `.copying` is removed and `.copied` is moved on with.
 */
export const dataName = '_data';
export const copyingName = '.copying';
export const copiedName = '.copied';

const readableDirectory = openFlags.readOnly | openFlags.directory;

/** The directory at `path` below the image's root, or undefined when the image has none there. */
export function openImageDirectory(imageRoot: number, path: string): number | undefined {
  try {
    return openat2(
      imageRoot,
      path === '' ? '/' : path,
      readableDirectory,
      0,
      resolveFlags.inRoot | resolveFlags.noMagicLinks,
    );
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

/**
 * Fills `_data` of the volume's directory from `source`. Only when it is empty; returns whether it was. `copyContent` makes the
 * copy where it may take its time.
 */
export async function populate(
  volumeDirectory: string,
  source: number,
  copyContent: (source: number, target: string) => Promise<void>,
): Promise<boolean> {
  using volume = Root.open(volumeDirectory);
  if (volume.readDirectory(dataName).length > 0) return false;
  if (readDirectory(source).length > 0) {
    volume.removeTree(copyingName);
    makeDirectoryAt(volume.descriptor, copyingName, 0o700);
    await copyContent(source, `${volumeDirectory}/${copyingName}`);
    renameAt(volume.descriptor, copyingName, volume.descriptor, copiedName);
    finishPopulating(volume);
  }
  const data = volume.openRoot(dataName);
  try {
    copyDirectoryMetadata(source, data.descriptor);
  } finally {
    data.close();
  }
  return true;
}

/** After a crash: removes a copy that was not whole and moves one that was. */
export function recoverPopulating(volumeDirectory: string): void {
  using volume = Root.open(volumeDirectory);
  volume.removeTree(copyingName);
  finishPopulating(volume);
}

function finishPopulating(volume: Root): void {
  if (!volume.exists(copiedName)) return;
  using copied = volume.openRoot(copiedName);
  using data = volume.openRoot(dataName);
  for (const { name } of copied.readDirectory('/')) {
    // A container that has the volume mounted may have made the same name in the meantime: what it wrote stays.
    if (data.exists(name)) removeTreeAt(copied.descriptor, name);
    else renameAt(copied.descriptor, name, data.descriptor, name);
  }
  removeDirectoryAt(volume.descriptor, copiedName);
}

function copyDirectoryMetadata(source: number, target: number): void {
  const status = statDescriptor(source);
  changeOwner(target, Number(status.uid), Number(status.gid));
  for (const attribute of listAttributes(source)) {
    if (/^(?:trusted|user)\.overlay\./.test(attribute)) continue;
    const value = getAttribute(source, attribute);
    if (value !== undefined) setAttribute(target, attribute, value);
  }
  changeMode(target, Number(status.mode & 0o7777n));
  changeTimes(target, timeOf(status.atimeNs), timeOf(status.mtimeNs));
}

/** Copies all below `source` into the directory of ours at `target`. Blocks: runs in the tree worker. */
export function copyContentTo(source: number, target: string): void {
  if (!fstatSync(source).isDirectory()) return;
  const descriptor = openat2(workingDirectory, target, readableDirectory);
  try {
    copyTree(source, descriptor);
  } finally {
    close(descriptor);
  }
}
