import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { conflict, invalidArgument } from '../base/index.ts';
import { tryLock } from '../kernel/lock.ts';
import type { DaemonOptions } from './options.ts';

export interface Roots {
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Six hex digits that tell this daemon's links, tables and cgroups from those of another one on the same host. */
  readonly instance: string;
  /** Once. */
  release(): void;
}

/** A file in the way, a read-only file system: what Node says of it names no option. */
function usable<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw invalidArgument('unusable-path', `${what} cannot be used`, { cause: error });
  }
}

function lockDirectory(path: string, option: string): () => void {
  const unlock = usable(`--${option} ${path}`, () => {
    // 0711: images hold setuid programs, which nobody but root may reach by path (CVE-2021-41103).
    mkdirSync(path, { recursive: true, mode: 0o711 });
    chmodSync(path, 0o711);
    return tryLock(join(path, 'cortend.lock'));
  });
  if (unlock === undefined) {
    throw conflict('daemon-already-running', `another cortend uses ${path}`, {
      hint: `stop it, or give this one its own --${option}`,
    });
  }
  return unlock;
}

/** Makes and locks both roots and writes the pidfile; a second daemon on the same roots is refused. */
export function claimRoots(options: DaemonOptions): Roots {
  const unlockData = lockDirectory(options.dataRoot, 'data-root');
  let unlockExec: () => void;
  try {
    unlockExec = lockDirectory(options.execRoot, 'exec-root');
  } catch (error) {
    unlockData();
    throw error;
  }
  usable(`--pidfile ${options.pidfile}`, () => {
    mkdirSync(dirname(options.pidfile), { recursive: true });
    writeFileSync(options.pidfile, `${process.pid}\n`);
  });
  const dataRoot = realpathSync(options.dataRoot);
  return {
    dataRoot,
    execRoot: realpathSync(options.execRoot),
    instance: createHash('sha256').update(dataRoot).digest('hex').slice(0, 6),
    release() {
      rmSync(options.pidfile, { force: true });
      unlockExec();
      unlockData();
    },
  };
}
