import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { DiskReserve } from './disk-reserve.ts';
import { dataLoss } from './errors.ts';

/**
 * Rows hold environments, and with them secrets, below a directory that others may pass through. SQLite gives its -wal and
 * -shm files the mode of the main one, which therefore must be right before it opens it.
 */
function keepPrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}

/**
 * The one SQLite file that holds the daemon's truth. Modules own their tables: each passes its list of
 * schema steps to `migrate` and afterwards touches no table of another module.
 *
 * Commits are synchronous and durable (WAL, synchronous=FULL): about 0.3 ms each, so a user is told
 * "done" only of what survives a power cut. Write with `transaction` to pay that once for several rows.
 */
export class Database {
  readonly #handle: DatabaseSync;
  readonly #reserve: DiskReserve | undefined;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  /** Opens or creates the file at `path` (`:memory:` for tests), readable by its owner alone. */
  constructor(path: string) {
    this.#reserve = path === ':memory:' ? undefined : new DiskReserve(path);
    try {
      this.#reserve?.release();
      if (path !== ':memory:') keepPrivate(path);
      this.#handle = new DatabaseSync(path);
      this.#handle.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
      this.#handle.exec(
        'CREATE TABLE IF NOT EXISTS schema_step (module TEXT NOT NULL, step INTEGER NOT NULL, PRIMARY KEY (module, step)) WITHOUT ROWID',
      );
      this.#checkPages();
      this.#reserve?.moveInto(this.#handle);
    } catch (error) {
      throw dataLoss('state-unreadable', `the state database ${path} cannot be opened`, {
        cause: error,
        hint: 'move the file away to start with an empty state, or restore it from a backup',
      });
    }
  }

  /** Damage is found before anything relies on the state, rather than by some later request. 1 ms for each 2 MB. */
  #checkPages(): void {
    const found = this.#handle.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (found !== 'ok') throw new Error(`database disk image is malformed: ${String(found).replaceAll('\n', ' ')}`);
  }

  /** Applies those of `steps` (SQL texts, append-only) that this file has not seen yet. */
  migrate(module: string, steps: readonly string[]): void {
    this.transaction(() => {
      const row = this.prepare('SELECT COALESCE(MAX(step), -1) AS step FROM schema_step WHERE module = ?').get(module);
      const applied = Number(row?.['step'] ?? -1);
      for (const [index, sql] of steps.entries()) {
        if (index <= applied) continue;
        this.#handle.exec(sql);
        this.prepare('INSERT INTO schema_step (module, step) VALUES (?, ?)').run(module, index);
      }
    });
  }

  /** A compiled statement; compiled once for each text. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#handle.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs `work` (synchronous) in one transaction; nested calls join the outer one. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#handle.exec('BEGIN IMMEDIATE');
    this.#depth += 1;
    try {
      const result = work();
      this.#handle.exec('COMMIT');
      return result;
    } catch (error) {
      // A failed COMMIT (disk full) leaves the transaction open; a failed BEGIN never gets here.
      if (this.#handle.isTransaction) this.#handle.exec('ROLLBACK');
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  /**
   * A transaction whose commit is not forced to the disk (0.05 ms instead of 0.5): it survives the death of the daemon,
   * but maybe not a power cut. For records of kernel objects, which a reboot takes away as well. Joins an outer transaction.
   */
  transactionUntilReboot<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    // NORMAL, not OFF: a checkpoint that this commit happens to trigger must still be in order on the disk.
    this.#handle.exec('PRAGMA synchronous = NORMAL');
    try {
      return this.transaction(work);
    } finally {
      this.#handle.exec('PRAGMA synchronous = FULL');
    }
  }

  /** For what makes new things. @throws resource-exhausted `disk-full`, so that there is room to remove others */
  requireSpace(): void {
    this.#reserve?.requireSpace();
  }

  close(): void {
    this.#statements.clear();
    this.#handle.close();
    this.#reserve?.hold();
  }
}
