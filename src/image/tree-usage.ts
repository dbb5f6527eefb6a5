import { close, openat2, openFlags, readDirectory, resolveFlags, statAt, workingDirectory } from '../kernel/files.ts';
import { hasErrno } from '../kernel/kernel-error.ts';

/** Bytes of the files below a directory, a file with several names once. Synchronous: for a worker thread. */
export function usageOf(path: string): number {
  const directory = openat2(workingDirectory, path, openFlags.path | openFlags.directory);
  try {
    return Number(usage(directory, new Set(), 0));
  } finally {
    close(directory);
  }
}

/** Each level holds a descriptor; what a container hides deeper is not worth running out of them. */
const maximumDepth = 4096;

function usage(directory: number, linked: Set<string>, depth: number): bigint {
  let bytes = 0n;
  for (const entry of readDirectory(directory)) {
    try {
      if (!entry.isDirectory()) bytes += sizeOf(directory, entry.name, linked);
      else if (depth < maximumDepth) bytes += usageBelow(directory, entry.name, linked, depth + 1);
    } catch (error) {
      // The container runs meanwhile.
      if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
    }
  }
  return bytes;
}

function usageBelow(directory: number, name: Buffer, linked: Set<string>, depth: number): bigint {
  const flags = openFlags.path | openFlags.directory | openFlags.noFollow;
  const child = openat2(directory, name, flags, 0, resolveFlags.beneath);
  try {
    return usage(child, linked, depth);
  } finally {
    close(child);
  }
}

function sizeOf(directory: number, name: Buffer, linked: Set<string>): bigint {
  const status = statAt(directory, name);
  if (status.nlink > 1n) {
    const key = `${status.dev}:${status.ino}`;
    if (linked.has(key)) return 0n;
    linked.add(key);
  }
  return status.isFile() || status.isSymbolicLink() ? status.size : 0n;
}
