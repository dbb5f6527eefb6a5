import { randomBytes } from 'node:crypto';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { resourceExhausted } from './errors.ts';

const reserveBytes = 512 * 1024;
/** Less than the reserve, so that the write-ahead log begins anew before it has to grow. */
const checkpointPages = 64;

/**
 * On a full disk nothing could be removed any more, if the removal itself could not be written down. So the database keeps
 * space of its own: pages of the file that are free, and a write-ahead log that is longer than it needs to be. SQLite deletes
 * the log at an orderly end; from then to the next start a file beside it holds its space. A crash leaves the log.
 */
export class DiskReserve {
  readonly #path: string;

  constructor(databasePath: string) {
    this.#path = `${databasePath}-reserve`;
  }

  /** Before the database is opened, which needs the space now. */
  release(): void {
    rmSync(this.#path, { force: true });
  }

  /** Once the database is open. On a full disk it does without. */
  moveInto(handle: DatabaseSync): void {
    handle.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    try {
      // Random, since zeros take no space on a file system that compresses. A reserve need not be on the disk for good.
      // Two transactions: what one makes and drops again never gets into the log.
      handle.exec(`PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS reserve (bytes);
        INSERT INTO reserve VALUES (randomblob(${reserveBytes})); DROP TABLE reserve`);
    } catch {
      if (handle.isTransaction) handle.exec('ROLLBACK');
    } finally {
      handle.exec('PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(PASSIVE)');
    }
  }

  /** Refuses what makes new rows while the disk is full: the reserve is for those that take rows away. */
  requireSpace(): void {
    const { bavail, bsize } = statfsSync(dirname(this.#path));
    if (bavail * bsize >= reserveBytes) return;
    throw resourceExhausted('disk-full', `no space left on device: ${dirname(this.#path)} is full`, {
      hint: 'remove containers, images or volumes that are not needed',
    });
  }

  /** After the database was closed. */
  hold(): void {
    try {
      writeFileSync(this.#path, randomBytes(reserveBytes), { mode: 0o600 });
    } catch {
      // A full disk: what was written of it is better left to others.
      this.release();
    }
  }
}
