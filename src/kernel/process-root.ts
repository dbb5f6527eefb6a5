import { readlinkSync } from 'node:fs';
import { openat2, openFlags, resolveFlags, statDescriptor, close, workingDirectory } from './files.ts';
import { hasErrno } from './kernel-error.ts';
import { Root } from './rooted.ts';

/** The root directory of a process, with all that is mounted below it as the process sees it. Throws ENOENT when it is gone. */
export function openProcessRoot(pid: number): Root {
  return Root.fromDescriptor(openat2(workingDirectory, `/proc/${pid}/root`, openFlags.path | openFlags.directory));
}

/**
 * The path of an open file, from the root of the mount tree that it was opened in: for a descriptor from a container's root, the
 * path inside of the container, every symbolic link resolved.
 */
export function resolvedPath(descriptor: number): string {
  return readlinkSync(`/proc/self/fd/${descriptor}`);
}

/** What a path names in one directory tree without following any symbolic link, the last one included. */
export function typeWithoutLinks(root: Root, path: string): 'directory' | 'whiteout' | 'other' | undefined {
  const resolve = resolveFlags.inRoot | resolveFlags.noSymlinks;
  let descriptor: number;
  try {
    descriptor = openat2(root.descriptor, path, openFlags.path | openFlags.noFollow, 0, resolve);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
  try {
    const status = statDescriptor(descriptor);
    if (status.isDirectory()) return 'directory';
    // overlayfs marks a deleted entry with a character device 0:0.
    return status.isCharacterDevice() && status.rdev === 0n ? 'whiteout' : 'other';
  } finally {
    close(descriptor);
  }
}
