import type { RunningContainer } from '../runtime/types.ts';
import type { PendingAttachment } from './attach.ts';
import { RestartBackoff } from './restart-policy.ts';
import type { ContainerDefinition, ContainerStore, StoredContainer, StoredState } from './store.ts';
import type { Container, HealthProbe, LaunchTrace } from './types.ts';
import { ExitWaiters } from './wait.ts';

/** Stops a timer or a prober. */
export type Cancel = () => void;

/** The giving back of what a run held. Neither promise rejects: failures are logged, and repaired by reconciliation. */
export interface Release {
  /** Address and ports are free again. */
  readonly network: Promise<void>;
  /** Mounts, cgroups and state files are gone too. */
  readonly all: Promise<void>;
}

export interface Health {
  readonly failingStreak: number;
  readonly log: readonly HealthProbe[];
}

/** Paths of the files that a container gets from the daemon, by container id. */
export type FilesOf = (id: string, filesOf: string | undefined) => Container['files'];

/**
 * One container in memory: what is stored of it, and beside it, apart, what lives only as long as the daemon. Every change of
 * the stored part is committed before it is seen.
 */
export class ContainerEntry {
  readonly id: string;
  readonly waiters = new ExitWaiters();
  readonly backoff = new RestartBackoff();
  /** The live process; exactly while the status says that there is one and the daemon knows it. */
  process: RunningContainer | undefined;
  /** What the last run held in the kernel; undefined when all of it is given back. A start waits for it. */
  release: Release | undefined;
  cancelRestart: Cancel | undefined;
  stopProber: Cancel | undefined;
  trace: LaunchTrace = { phases: [] };
  /** Clients that attached before the start. */
  readonly pending = new Set<PendingAttachment>();
  /** A restart of a container with autoRemove is under way: its end in between is not the end. */
  keepOnExit = false;

  readonly #store: ContainerStore;
  readonly #filesOf: FilesOf;
  readonly #execIds = new Set<string>();
  #name: string;
  #definition: ContainerDefinition;
  #state: StoredState;
  #health: Health = { failingStreak: 0, log: [] };
  #view: Container | undefined;

  constructor(store: ContainerStore, stored: StoredContainer, filesOf: FilesOf) {
    this.id = stored.id;
    this.#store = store;
    this.#filesOf = filesOf;
    this.#name = stored.name;
    this.#definition = stored.definition;
    this.#state = stored.state;
  }

  get name(): string {
    return this.#name;
  }

  get definition(): ContainerDefinition {
    return this.#definition;
  }

  get state(): StoredState {
    return this.#state;
  }

  get health(): Health {
    return this.#health;
  }

  /** Commits a change of the state. */
  change(change: Partial<StoredState>, durable = true): void {
    const state = { ...this.#state, ...change };
    this.#store.saveState(this.id, state, durable);
    this.#state = state;
    this.#view = undefined;
  }

  /** As change, for what has happened already and cannot be refused: a full disk costs the durability, not the truth. */
  observe(change: Partial<StoredState>, onFailure: (error: unknown) => void, durable = true): void {
    try {
      this.change(change, durable);
    } catch (error) {
      this.note(change);
      onFailure(error);
    }
  }

  /** Changes the state in memory; the next commit writes it too. For what nobody reads before that. */
  note(change: Partial<StoredState>): void {
    this.#state = { ...this.#state, ...change };
    this.#view = undefined;
  }

  redefine(definition: ContainerDefinition): void {
    this.#store.saveDefinition(this.id, definition);
    this.#definition = definition;
    this.#view = undefined;
  }

  rename(name: string): void {
    this.#store.rename(this.id, name);
    this.#name = name;
    this.#view = undefined;
  }

  /** Probes are kept in memory only: after a restart of the daemon the next one tells. */
  setHealth(health: Health): void {
    this.#health = health;
    this.#view = undefined;
  }

  addExec(id: string): void {
    this.#execIds.add(id);
    this.#view = undefined;
  }

  removeExec(id: string): void {
    this.#execIds.delete(id);
    this.#view = undefined;
  }

  /** As everybody outside sees it; the same object until something changes. */
  view(): Container {
    this.#view ??= this.#makeView();
    return this.#view;
  }

  #makeView(): Container {
    const { created, imageId, configuration, effective, mounts } = this.#definition;
    const state = this.#state;
    return {
      id: this.id,
      name: this.#name,
      created,
      imageId,
      configuration,
      effective,
      mounts,
      state: {
        status: state.status,
        pid: state.process?.pid ?? 0,
        exitCode: state.exitCode,
        error: state.error,
        oomKilled: state.oomKilled,
        startedAt: state.startedAt,
        finishedAt: state.finishedAt,
        restartCount: state.restartCount,
        health: state.health === undefined ? undefined : { status: state.health, ...this.#health },
      },
      endpoint: state.endpoint,
      files: this.#filesOf(this.id, state.filesOf),
      execIds: [...this.#execIds],
    };
  }
}
