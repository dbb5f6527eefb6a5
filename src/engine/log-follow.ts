import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { describeError, type Log, resourceExhausted } from '../base/index.ts';
import { hasErrno } from '../kernel/index.ts';
import { closeLogFiles, type OpenLogFile, openLogFiles } from './log-files.ts';

/**
 * Wakes a follower when the log changed, the container ended, the time is up or the reader left. A change that comes while
 * nobody waits is remembered.
 */
export class LogChanges {
  readonly #watcher: FSWatcher;
  readonly #signal: AbortSignal;
  readonly #wake = (): void => {
    this.#pending = true;
    this.#resolve?.();
  };
  #pending = true;
  #resolve: (() => void) | undefined;
  #ended = false;

  constructor(path: string, ended: Promise<void>, signal: AbortSignal, log: Log) {
    const name = basename(path);
    // The directory is watched, not the file: after a rotation the name belongs to another file.
    this.#watcher = watchDirectory(dirname(path), (changed) => {
      if (changed === null || changed.startsWith(name)) this.#wake();
    });
    this.#watcher.on('error', (error) =>
      log.warn({ err: error, path }, `watching a log failed: ${describeError(error)}`),
    );
    this.#signal = signal;
    signal.addEventListener('abort', this.#wake, { once: true });
    const end = (): void => this.expire();
    ended.then(end, end);
  }

  /** The container has ended: what is written now is everything. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The follower's time is up: like the container's end. */
  expire(): void {
    this.#ended = true;
    this.#wake();
  }

  async wait(): Promise<void> {
    if (!this.#pending && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#pending = false;
    this.#resolve = undefined;
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#wake);
    this.#watcher.close();
  }
}

/**
 * Files that follow `current` after rotations, oldest first; empty when it is still the newest. When it was rotated away since, those
 * that are left all follow it.
 */
export async function openSuccessors(path: string, current: OpenLogFile | undefined): Promise<OpenLogFile[]> {
  if (current !== undefined && (await isNewest(path, current))) return [];
  const files = await openLogFiles(path);
  const known = current === undefined ? -1 : files.findIndex(({ inode }) => inode === current.inode);
  await closeLogFiles(files.slice(0, known + 1));
  return files.slice(known + 1);
}

async function isNewest(path: string, current: OpenLogFile): Promise<boolean> {
  try {
    return (await stat(path)).ino === current.inode;
  } catch (error) {
    // In the middle of a rotation, or the container was removed: the renamed files tell.
    if (hasErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

function watchDirectory(directory: string, listener: (changed: string | null) => void): FSWatcher {
  try {
    return watch(directory, { persistent: false }, (_event, changed) => listener(changed));
  } catch (error) {
    // inotify says "no space left" when its own limit is reached.
    if (!hasErrno(error, 'ENOSPC', 'EMFILE')) throw error;
    throw resourceExhausted(
      'too-many-watches',
      'the log cannot be followed: the limit of watched directories is reached',
      {
        cause: error,
        hint: 'raise the sysctl fs.inotify.max_user_watches or fs.inotify.max_user_instances',
      },
    );
  }
}
