import { type FileHandle, open } from 'node:fs/promises';
import { dataLoss } from '../base/index.ts';
import { hasErrno } from '../kernel/index.ts';

/** One file of a log, held open: a rotation renames it and a reader goes on undisturbed. */
export interface OpenLogFile {
  readonly handle: FileHandle;
  readonly inode: number;
  /** When it was opened. */
  readonly size: number;
  readonly modifiedMilliseconds: number;
}

/** Docker's limit of max-file is not bounded; this one only ends a search. */
const maximumRotations = 10_000;

async function openOne(path: string): Promise<OpenLogFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  const status = await handle.stat();
  if (!status.isFile()) {
    await handle.close();
    throw dataLoss('log-unreadable', `the log ${path} is no file`);
  }
  return { handle, inode: status.ino, size: status.size, modifiedMilliseconds: status.mtimeMs };
}

/**
 * Opens path, path.1, path.2, …; oldest first in the result. The files are opened newest first: a rotation in between then shows a
 * file twice, which its inode tells, where the other order would miss one.
 */
export async function openLogFiles(path: string): Promise<OpenLogFile[]> {
  const files: OpenLogFile[] = [];
  try {
    for (let index = 0; index < maximumRotations; index += 1) {
      const file = await openOne(index === 0 ? path : `${path}.${index}`);
      if (file === undefined) {
        // Between the renames of a rotation the newest or its successor is missing for a moment.
        if (index > 1) break;
        continue;
      }
      if (files.some(({ inode }) => inode === file.inode)) await file.handle.close();
      else files.push(file);
    }
  } catch (error) {
    await closeLogFiles(files);
    throw error;
  }
  return files.toReversed();
}

export async function closeLogFiles(files: readonly OpenLogFile[]): Promise<void> {
  await Promise.all(files.map(async ({ handle }) => await handle.close()));
}
