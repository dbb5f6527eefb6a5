import { readSync, writeSync } from 'node:fs';
import {
  changeModeAt,
  changeOwnerAt,
  changeTimesAt,
  close,
  getAttributeAt,
  linkAt,
  listAttributesAt,
  makeDirectoryAt,
  makeNodeAt,
  openat2,
  openFlags,
  readDirectory,
  readLinkAt,
  resolveFlags,
  setAttributeAt,
  statAt,
  symlinkAt,
} from '../kernel/index.ts';

/**
 * Copies what an untrusted directory holds into an empty one of ours, by descriptors: nothing is resolved by path, links are
 * copied and never followed. Blocks for as long as the tree is large: runs in the tree worker.
 */

const typeMask = 0o170000n;
const fileTypes = { directory: 0o040000n, symlink: 0o120000n, regular: 0o100000n } as const;
const copyBytes = 1 << 20;
const openDirectory = openFlags.readOnly | openFlags.directory | openFlags.noFollow;
/** The overlay's own marks are no part of the content. */
const overlayAttributes = /^(?:trusted|user)\.overlay\./;

interface LinkTarget {
  readonly directory: number;
  readonly name: Buffer;
}

/** Copies the entries of `source` (a readable directory descriptor) into `target`. */
export function copyTree(source: number, target: number): void {
  const copier = new TreeCopier();
  try {
    copier.copyEntries(source, target);
  } finally {
    copier.close();
  }
}

class TreeCopier {
  /** Device and inode of files with several names, to where the first copy is. */
  readonly #links = new Map<string, LinkTarget>();
  /** Directories of link targets stay open until the end. */
  readonly #kept: number[] = [];
  readonly #buffer = Buffer.alloc(copyBytes);

  close(): void {
    for (const descriptor of this.#kept.splice(0)) close(descriptor);
  }

  copyEntries(source: number, target: number): void {
    for (const { name } of readDirectory(source)) this.#copyEntry(source, target, name);
  }

  #copyEntry(source: number, target: number, name: Buffer): void {
    const status = statAt(source, name);
    const type = status.mode & typeMask;
    if (type !== fileTypes.directory && status.nlink > 1n && this.#linkToFirst(status, target, name)) return;
    if (type === fileTypes.directory) this.#copyDirectory(source, target, name);
    else if (type === fileTypes.symlink) symlinkAt(readLinkAt(source, name), target, name);
    else if (type === fileTypes.regular) this.#copyFile(source, target, name);
    else makeNodeAt(target, name, Number(status.mode), status.rdev);
    copyMetadata(source, target, name);
  }

  #linkToFirst(status: { readonly dev: bigint; readonly ino: bigint }, target: number, name: Buffer): boolean {
    const key = `${status.dev}:${status.ino}`;
    const first = this.#links.get(key);
    if (first !== undefined) {
      linkAt(first.directory, first.name, target, name);
      return true;
    }
    const directory = openat2(target, '.', openDirectory);
    this.#kept.push(directory);
    this.#links.set(key, { directory, name });
    return false;
  }

  #copyDirectory(source: number, target: number, name: Buffer): void {
    makeDirectoryAt(target, name, 0o700);
    // Another file system mounted inside of the image's tree is not the image's content.
    const from = openat2(source, name, openDirectory, 0, resolveFlags.beneath | resolveFlags.noCrossDevice);
    try {
      const to = openat2(target, name, openDirectory, 0, resolveFlags.beneath);
      try {
        this.copyEntries(from, to);
      } finally {
        close(to);
      }
    } finally {
      close(from);
    }
  }

  #copyFile(source: number, target: number, name: Buffer): void {
    const from = openat2(source, name, openFlags.readOnly | openFlags.noFollow, 0, resolveFlags.beneath);
    try {
      const flags = openFlags.writeOnly | openFlags.create | openFlags.exclusive | openFlags.noFollow;
      const to = openat2(target, name, flags, 0o600, resolveFlags.beneath);
      try {
        for (let length = readSync(from, this.#buffer); length > 0; length = readSync(from, this.#buffer)) {
          for (let offset = 0; offset < length; ) offset += writeSync(to, this.#buffer, offset, length - offset);
        }
      } finally {
        close(to);
      }
    } finally {
      close(from);
    }
  }
}

/** Owner, mode, extended attributes and times of an entry. The order matters: chown clears set-id bits and capabilities. */
export function copyMetadata(source: number, target: number, name: Buffer): void {
  const status = statAt(source, name);
  changeOwnerAt(target, name, Number(status.uid), Number(status.gid));
  for (const attribute of listAttributesAt(source, name)) {
    if (overlayAttributes.test(attribute)) continue;
    const value = getAttributeAt(source, name, attribute);
    if (value !== undefined) setAttributeAt(target, name, attribute, value);
  }
  if ((status.mode & typeMask) !== fileTypes.symlink) changeModeAt(target, name, Number(status.mode & 0o7777n));
  changeTimesAt(target, name, timeOf(status.atimeNs), timeOf(status.mtimeNs));
}

export function timeOf(nanoseconds: bigint): { readonly seconds: number; readonly nanoseconds: number } {
  // Times before 1970: the nanoseconds count upwards all the same.
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanoseconds - rest) / 1_000_000_000n), nanoseconds: Number(rest) };
}
