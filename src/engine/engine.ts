import { mkdirSync } from 'node:fs';
import { describeError, KeyedMutex, type Service } from '../base/index.ts';
import type { ImageStore } from '../image/types.ts';
import { ContainerEntry } from './container-entry.ts';
import { ContainerTable } from './container-table.ts';
import { Containers } from './containers.ts';
import {
  containerFiles,
  containersDirectory,
  type EngineClock,
  type EngineContext,
  type EngineDependencies,
} from './context.ts';
import { daemonId } from './daemon-id.ts';
import { diskUsage } from './disk-usage.ts';
import { Execs } from './execs.ts';
import { ImageHolds } from './image-holds.ts';
import { type HostFacts, readHostFacts, systemInformation } from './information.ts';
import { applyRestartPolicies, reconcile } from './reconcile.ts';
import { finishRemoval } from './remove.ts';
import { RootFiles } from './root-files.ts';
import { restartAutomatically } from './start.ts';
import { ContainerStore } from './store.ts';
import type { Container, DiskUsage, Engine, SystemInformation } from './types.ts';

export const systemClock: EngineClock = {
  nowNanoseconds: () => BigInt(Date.now()) * 1_000_000n,
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds);
    return () => clearTimeout(timer);
  },
};

export interface EngineService extends Engine, Service {}

/**
 * The engine over its parts. Constructed, it knows every stored container; `start` (after the network and volume services)
 * brings rows and kernel together; `stop` leaves containers as they are.
 */
export function createEngine(dependencies: EngineDependencies): EngineService {
  return new CortenEngine(dependencies);
}

class CortenEngine implements EngineService {
  readonly name = 'engine';
  readonly containers: Containers;
  readonly execs: Execs;
  readonly images: ImageStore;
  readonly networks: EngineDependencies['networks'];
  readonly volumes: EngineDependencies['volumes'];
  readonly events: EngineDependencies['events'];
  readonly #context: EngineContext;
  readonly #background = new Set<Promise<unknown>>();
  readonly #id: string;
  #host: HostFacts | undefined;

  constructor(dependencies: EngineDependencies) {
    const { database, images, networks, volumes, events } = dependencies;
    this.images = images;
    this.networks = networks;
    this.volumes = volumes;
    this.events = events;
    this.#id = daemonId(database);
    // The context is handed to the execs, and they are part of it: the closures break the circle.
    const context: EngineContext = {
      ...dependencies,
      store: new ContainerStore(database),
      table: new ContainerTable(),
      mutex: new KeyedMutex(),
      limits: dependencies.cgroups.capabilities(),
      imageHolds: new ImageHolds(),
      rootFiles: new RootFiles(dependencies),
      lifecycle: { active: false, stopped: false },
      execs: {
        probe: (...request) => this.execs.probe(...request),
        forget: (id) => this.execs.forget(id),
      },
      afterExit: {
        remove: (entry) => context.mutex.run(entry.id, () => finishRemoval(context, entry)),
        restart: (entry) => restartAutomatically(context, entry),
      },
      background: (what, work) => this.#runInBackground(what, work),
      step: dependencies.failpoint ?? (async () => undefined),
    };
    this.#context = context;
    this.execs = new Execs(context);
    this.containers = new Containers(context);
    this.#load();
    images.setUsage((imageId) => this.#usersOfImage(imageId));
    volumes.setUsage((volume) => this.#usersOfVolume(volume));
    images.onChange(({ kind, id, reference }) => {
      events.publish({ type: 'image', action: kind, actor: { id, attributes: { name: reference ?? id } } });
    });
  }

  #load(): void {
    const { store, table, log } = this.#context;
    const { containers, damaged } = store.load();
    for (const stored of containers.toSorted((a, b) => (a.definition.created < b.definition.created ? -1 : 1))) {
      const filesOf = (id: string, owner: string | undefined): Container['files'] =>
        containerFiles(this.#context, id, owner);
      table.add(new ContainerEntry(store, stored, filesOf));
    }
    for (const one of damaged) {
      table.addDamaged(one);
      log.error({ id: one.id }, `the stored state of container ${one.name} is damaged: ${one.reason}`);
    }
  }

  async start(): Promise<void> {
    mkdirSync(containersDirectory(this.#context), { recursive: true, mode: 0o710 });
    this.#host = await readHostFacts(this.#context.limits);
    await reconcile(this.#context);
    applyRestartPolicies(this.#context);
  }

  async stop(): Promise<void> {
    this.#context.lifecycle.active = false;
    this.#context.lifecycle.stopped = true;
    for (const entry of this.#context.table.list()) {
      entry.cancelRestart?.();
      entry.stopProber?.();
    }
    this.execs.stop();
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  #runInBackground(what: string, work: Promise<unknown>): void {
    const settled = work
      .catch((error: unknown) => {
        this.#context.log.error({ err: error }, `${what} failed: ${describeError(error)}`);
      })
      .finally(() => this.#background.delete(settled));
    this.#background.add(settled);
  }

  #usersOfImage(imageId: string): readonly { readonly containerId: string; readonly running: boolean }[] {
    const users = this.#context.table
      .list()
      .filter(({ definition }) => definition.imageId === imageId)
      .map(({ id, process }) => ({ containerId: id, running: process !== undefined }));
    if (!this.#context.imageHolds.isHeld(imageId)) return users;
    return [...users, { containerId: 'a container that is being created', running: false }];
  }

  /** A container that is being removed no longer counts: its own removal takes its volumes away. */
  #usersOfVolume(volume: string): readonly string[] {
    return this.#context.table
      .list()
      .filter(({ state, definition }) => {
        const mounted = definition.mounts.some(({ type, name }) => type === 'volume' && name === volume);
        return mounted && state.status !== 'removing';
      })
      .map(({ id }) => id);
  }

  information(): SystemInformation {
    if (this.#host === undefined) throw new Error('the engine was not started');
    const { settings, dataRoot, events } = this.#context;
    const { labels, debug, log } = settings();
    return systemInformation({
      id: this.#id,
      host: this.#host,
      containers: this.containers.list(),
      images: this.images.list().length,
      dataRoot,
      loggingDriver: log.driver,
      labels,
      debug,
      eventListeners: events.listeners(),
    });
  }

  diskUsage(): Promise<DiskUsage> {
    return diskUsage({ containers: this.containers, images: this.images, volumes: this.volumes });
  }

  networkContainers(network: Parameters<Engine['networkContainers']>[0]): ReturnType<Engine['networkContainers']> {
    return this.containers.list().flatMap((container) => {
      const { endpoint } = container;
      return endpoint?.networkId === network.id ? [{ container, endpoint }] : [];
    });
  }
}
