import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  conflict,
  type Database,
  describeError,
  detach,
  KeyedMutex,
  type Log,
  notFound,
  now,
  type Service,
} from '../base/index.ts';
import { close, hasErrno } from '../kernel/index.ts';
import { checkVolumeName, checkVolumeOptions } from './names.ts';
import { dataName, openImageDirectory, populate, recoverPopulating } from './populate.ts';
import { TreeWorker } from './tree-worker-client.ts';
import type { Volume, VolumeStore } from './types.ts';

const schema = [
  `CREATE TABLE volume (
    name TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('present', 'removing')),
    created TEXT NOT NULL,
    labels TEXT NOT NULL,
    options TEXT NOT NULL,
    anonymous INTEGER NOT NULL
  ) WITHOUT ROWID`,
];

/** Docker's mark of a volume that nobody named. */
const anonymousLabel = 'com.docker.volume.anonymous';
/** No volume's name begins with a dot, so these never meet one. */
const removedPrefix = '.removed-';

export interface VolumeChange {
  readonly kind: 'create' | 'destroy';
  readonly name: string;
}

export interface LocalVolumeStoreOptions {
  readonly database: Database;
  /** data-root/volumes */
  readonly directory: string;
  readonly log: Log;
  /** For events. */
  readonly onChange?: (change: VolumeChange) => void;
}

/**
 * Volumes as directories, directory/NAME/_data. The row is the truth: it is written before the directory is made, and a removal is
 * marked in it before anything goes. `start` finishes what a crash cut short.
 */
export class LocalVolumeStore implements VolumeStore, Service {
  readonly name = 'volumes';
  readonly #database: Database;
  readonly #directory: string;
  readonly #log: Log;
  readonly #onChange: (change: VolumeChange) => void;
  readonly #worker = new TreeWorker();
  readonly #locks = new KeyedMutex();
  #users: (volume: string) => readonly string[] = () => [];

  constructor({ database, directory, log, onChange }: LocalVolumeStoreOptions) {
    this.#database = database;
    this.#directory = directory;
    this.#log = log;
    this.#onChange = onChange ?? (() => undefined);
    database.migrate('volume', schema);
    // Others may pass through to a volume they are allowed to read, but not list them.
    mkdirSync(directory, { recursive: true, mode: 0o711 });
  }

  async start(): Promise<void> {
    for (const row of this.#database.prepare('SELECT name, status FROM volume').all()) {
      const name = String(row['name']);
      try {
        if (row['status'] === 'removing') this.#moveAway(name);
        else {
          this.#makeDirectory(name);
          recoverPopulating(join(this.#directory, name));
        }
      } catch (error) {
        this.#log.error({ err: error, volume: name }, `volume ${name} cannot be restored: ${describeError(error)}`);
      }
    }
    for (const name of readdirSync(this.#directory)) {
      if (name.startsWith(removedPrefix)) detach(this.#log, `removing ${name}`, this.#removeTree(name));
      else if (this.#status(name) === undefined) this.#removeUnfinished(name);
    }
  }

  /** What a creation left that was rolled back. Data without a row is nobody's to delete: the state may have been lost. */
  #removeUnfinished(name: string): void {
    try {
      for (const path of [join(this.#directory, name, dataName), join(this.#directory, name)]) {
        if (existsSync(path)) rmdirSync(path);
      }
    } catch (error) {
      this.#log.warn({ volume: name, err: error }, `${join(this.#directory, name)} belongs to no volume and stays`);
    }
  }

  async stop(): Promise<void> {
    await this.#worker.stop();
  }

  list(): readonly Volume[] {
    return this.#database
      .prepare("SELECT * FROM volume WHERE status = 'present' ORDER BY name")
      .all()
      .map((row) => this.#volumeOf(row));
  }

  resolve(name: string): Volume {
    const volume = this.#find(name);
    if (volume === undefined) throw notFound('volume-not-found', `get ${name}: no such volume`);
    return volume;
  }

  create(wish: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly options?: Readonly<Record<string, string>>;
  }): Volume {
    const anonymous = wish.name === undefined || wish.name === '';
    const name = anonymous ? randomBytes(32).toString('hex') : (wish.name ?? '');
    checkVolumeName(name);
    checkVolumeOptions(wish.options ?? {});
    const existing = this.#find(name);
    if (existing !== undefined) return existing;
    this.#database.requireSpace();
    const labels = { ...(anonymous ? { [anonymousLabel]: '' } : {}), ...wish.labels };
    // The data of a removal that failed half way must not come back in the new volume.
    if (this.#status(name) === 'removing') this.#moveAway(name);
    this.#database
      .prepare("INSERT INTO volume VALUES (?, 'present', ?, ?, '{}', ?)")
      .run(name, now(), JSON.stringify(labels), anonymous ? 1 : 0);
    try {
      this.#makeDirectory(name);
    } catch (error) {
      this.#database.prepare('DELETE FROM volume WHERE name = ?').run(name);
      throw error;
    }
    this.#onChange({ kind: 'create', name });
    return this.resolve(name);
  }

  async remove(name: string, { force }: { readonly force: boolean }): Promise<void> {
    // A copy into the volume that is under way ends first.
    await this.#locks.run(name, async () => {
      const volume = this.#find(name);
      if (volume === undefined) {
        if (force) return;
        throw notFound('volume-not-found', `get ${name}: no such volume`);
      }
      const users = this.#users(name);
      if (users.length > 0) {
        throw conflict('volume-in-use', `remove ${name}: volume is in use - [${users.join(', ')}]`, {
          hint: 'remove the containers that mount it first',
        });
      }
      await this.#discard(name);
    });
  }

  async prune(options: {
    readonly all: boolean;
    readonly matches: (volume: Volume) => boolean;
  }): Promise<{ readonly removed: readonly string[]; readonly spaceReclaimed: number }> {
    const removed: string[] = [];
    let spaceReclaimed = 0;
    for (const volume of this.list()) {
      if (!(options.all || volume.anonymous) || !options.matches(volume)) continue;
      await this.#locks.run(volume.name, async () => {
        if (this.#find(volume.name) === undefined || this.#users(volume.name).length > 0) return;
        const size = await this.usage(volume.name);
        // Asked again: a container may have begun to use it while it was measured.
        if (this.#find(volume.name) === undefined || this.#users(volume.name).length > 0) return;
        await this.#discard(volume.name);
        removed.push(volume.name);
        spaceReclaimed += size;
      });
    }
    return { removed, spaceReclaimed };
  }

  async usage(name: string): Promise<number> {
    return await this.#worker.run({ kind: 'usage', path: this.resolve(name).mountpoint });
  }

  setUsage(users: (volume: string) => readonly string[]): void {
    this.#users = users;
  }

  /**
   * Gives an empty volume the content, owner and mode of the directory at `path` of an image. Does nothing when the volume holds
   * something or the image has no directory there.
   * @param imageRoot directory descriptor of the merged image, open until the promise settles
   * @returns whether the volume was empty and the image had a directory for it
   */
  async copyUp(imageRoot: number, path: string, volume: Volume): Promise<boolean> {
    return await this.#locks.run(volume.name, async () => {
      const source = openImageDirectory(imageRoot, path);
      if (source === undefined) return false;
      try {
        return await populate(join(this.#directory, this.resolve(volume.name).name), source, async (from, target) => {
          await this.#worker.run({ kind: 'copy', source: from, target });
        });
      } finally {
        close(source);
      }
    });
  }

  /** The intent is durable before the data goes; the data is gone by one rename, and freed in the background. */
  async #discard(name: string): Promise<void> {
    this.#database.prepare("UPDATE volume SET status = 'removing' WHERE name = ?").run(name);
    const moved = this.#moveAway(name);
    this.#onChange({ kind: 'destroy', name });
    if (moved === undefined) return;
    // The volume is gone already; what stays of it is removed by the next start.
    await this.#removeTree(moved).catch((error: unknown) => {
      this.#log.error(
        { err: error, volume: name },
        `the data of volume ${name} was not freed: ${describeError(error)}`,
      );
    });
  }

  /** @returns the name that the directory has now, undefined when there was none */
  #moveAway(name: string): string | undefined {
    const moved = `${removedPrefix}${randomBytes(8).toString('hex')}`;
    let found = true;
    try {
      renameSync(join(this.#directory, name), join(this.#directory, moved));
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      found = false;
    }
    this.#database.prepare("DELETE FROM volume WHERE name = ? AND status = 'removing'").run(name);
    return found ? moved : undefined;
  }

  async #removeTree(name: string): Promise<void> {
    await this.#worker.run({ kind: 'remove', parent: this.#directory, name });
  }

  #status(name: string): unknown {
    return this.#database.prepare('SELECT status FROM volume WHERE name = ?').get(name)?.['status'];
  }

  #makeDirectory(name: string): void {
    mkdirSync(join(this.#directory, name), { recursive: true, mode: 0o711 });
    mkdirSync(join(this.#directory, name, dataName), { recursive: true, mode: 0o755 });
  }

  #find(name: string): Volume | undefined {
    const row = this.#database.prepare("SELECT * FROM volume WHERE name = ? AND status = 'present'").get(name);
    return row === undefined ? undefined : this.#volumeOf(row);
  }

  #volumeOf(row: Readonly<Record<string, unknown>>): Volume {
    const name = String(row['name']);
    return {
      name,
      driver: 'local',
      mountpoint: join(this.#directory, name, dataName),
      created: String(row['created']),
      labels: this.#stringsOf(row['labels'], name),
      options: this.#stringsOf(row['options'], name),
      anonymous: row['anonymous'] === 1,
    };
  }

  /** A damaged row costs its labels, not the daemon. */
  #stringsOf(text: unknown, name: string): Record<string, string> {
    try {
      const value: unknown = JSON.parse(String(text));
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, String(entry)]));
      }
    } catch {
      // Reported below.
    }
    this.#log.warn({ volume: name }, `the stored labels or options of volume ${name} are damaged and were left out`);
    return {};
  }
}
