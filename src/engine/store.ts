import { type Database, dataLoss } from '../base/index.ts';
import type { EndpointRecord } from '../network/types.ts';
import type { ProcessRecord } from '../runtime/types.ts';
import type { Container, ContainerConfiguration, ContainerStatus, HealthStatus, MountPoint } from './types.ts';

const schema = [
  `CREATE TABLE container (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,
    state TEXT NOT NULL
  ) WITHOUT ROWID`,
];

/** What a container is: written when it is created, replaced only by an update of its limits or restart policy. */
export interface ContainerDefinition {
  readonly created: string;
  readonly imageId: string;
  readonly configuration: ContainerConfiguration;
  readonly effective: Container['effective'];
  readonly mounts: readonly MountPoint[];
  /** Volumes that were made for this container alone: they go with it when volumes are removed too. */
  readonly anonymousVolumes: readonly string[];
}

/** How a container is: replaced as a whole by every change. */
export interface StoredState {
  readonly status: ContainerStatus;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly restartCount: number;
  /** A user ended it: restart policies keep away until it is started again. */
  readonly manuallyStopped: boolean;
  /** With status `removing`: its anonymous volumes go too. */
  readonly removeVolumes: boolean;
  readonly health?: HealthStatus | undefined;
  /** Only while it has a process. */
  readonly process?: ProcessRecord | undefined;
  readonly endpoint?: EndpointRecord | undefined;
  /** Container whose hosts, hostname and resolv.conf it uses (network mode container:X). */
  readonly filesOf?: string | undefined;
}

export interface StoredContainer {
  readonly id: string;
  readonly name: string;
  readonly definition: ContainerDefinition;
  readonly state: StoredState;
}

/** A row that cannot be understood any more. It costs this container only; its name and id stay taken. */
export interface DamagedContainer {
  readonly id: string;
  readonly name: string;
  readonly reason: string;
}

/** The rows of all containers. Every method commits before it returns. */
export class ContainerStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
    database.migrate('container', schema);
  }

  load(): { readonly containers: readonly StoredContainer[]; readonly damaged: readonly DamagedContainer[] } {
    const containers: StoredContainer[] = [];
    const damaged: DamagedContainer[] = [];
    for (const row of this.#database.prepare('SELECT id, name, definition, state FROM container').all()) {
      const id = String(row['id']);
      const name = String(row['name']);
      try {
        const definition = checkDefinition(JSON.parse(String(row['definition'])));
        containers.push({ id, name, definition, state: checkState(JSON.parse(String(row['state']))) });
      } catch (error) {
        damaged.push({ id, name, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    return { containers, damaged };
  }

  /** `make` runs in the same transaction, so that what it creates (volumes) exists exactly when the container does. */
  insert(make: () => StoredContainer): StoredContainer {
    return this.#database.transaction(() => {
      const { id, name, definition, state } = make();
      this.#database
        .prepare('INSERT INTO container (id, name, definition, state) VALUES (?, ?, ?, ?)')
        .run(id, name, JSON.stringify(definition), JSON.stringify(state));
      return { id, name, definition, state };
    });
  }

  /** @param durable false where losing the change to a power cut (not to a crash of the daemon) has the same outcome */
  saveState(id: string, state: StoredState, durable: boolean): void {
    if (!durable) {
      this.#database.transactionUntilReboot(() => this.#updateState(id, state));
      return;
    }
    this.#updateState(id, state);
  }

  #updateState(id: string, state: StoredState): void {
    this.#database.prepare('UPDATE container SET state = ? WHERE id = ?').run(JSON.stringify(state), id);
  }

  saveDefinition(id: string, definition: ContainerDefinition): void {
    this.#database.prepare('UPDATE container SET definition = ? WHERE id = ?').run(JSON.stringify(definition), id);
  }

  rename(id: string, name: string): void {
    this.#database.prepare('UPDATE container SET name = ? WHERE id = ?').run(name, id);
  }

  /** After a power cut the row may be back with what it said before, `removing`: the removal is then finished again. */
  delete(id: string): void {
    this.#database.transactionUntilReboot(() => {
      this.#database.prepare('DELETE FROM container WHERE id = ?').run(id);
    });
  }
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

function requireKeys(value: unknown, what: string, keys: Readonly<Record<string, string>>): void {
  const record = recordOf(value, what);
  for (const [key, type] of Object.entries(keys)) {
    const actual = Array.isArray(record[key]) ? 'array' : typeof record[key];
    if (actual !== type) throw new Error(`${what} has no ${type} "${key}"`);
  }
}

function checkDefinition(value: unknown): ContainerDefinition {
  requireKeys(value, 'the definition', {
    created: 'string',
    imageId: 'string',
    configuration: 'object',
    effective: 'object',
    mounts: 'array',
    anonymousVolumes: 'array',
  });
  const definition = value as ContainerDefinition;
  requireKeys(definition.configuration, 'the configuration', { image: 'string', env: 'array', host: 'object' });
  requireKeys(definition.effective, 'the effective configuration', { path: 'string', args: 'array', env: 'array' });
  return definition;
}

const statuses: Readonly<Record<ContainerStatus, true>> = {
  created: true,
  running: true,
  paused: true,
  restarting: true,
  removing: true,
  exited: true,
  dead: true,
};

function checkState(value: unknown): StoredState {
  requireKeys(value, 'the state', {
    status: 'string',
    exitCode: 'number',
    error: 'string',
    oomKilled: 'boolean',
    startedAt: 'string',
    finishedAt: 'string',
    restartCount: 'number',
    manuallyStopped: 'boolean',
    removeVolumes: 'boolean',
  });
  const state = value as StoredState;
  if (!Object.hasOwn(statuses, state.status)) throw new Error(`the status ${JSON.stringify(state.status)} is unknown`);
  return state;
}

export function damagedError({ id, name, reason }: DamagedContainer): Error {
  return dataLoss('container-state-damaged', `the stored state of container ${name} (${id}) is damaged: ${reason}`, {
    hint: 'remove it with force, and create it again',
  });
}
