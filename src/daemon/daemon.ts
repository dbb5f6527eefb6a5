import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createDockerApi, type Listener } from '../api/docker/index.ts';
import { Database, forbidden, type Log, type Service, startAll, unavailable } from '../base/index.ts';
import { createEngine, createEventLog, systemClock } from '../engine/index.ts';
import { createImageStore } from '../image/index.ts';
import { createNetworkService, type NetworkSettings } from '../network/index.ts';
import { createRuntime, pairAttachment } from '../runtime/index.ts';
import { LocalVolumeStore } from '../volume/index.ts';
import { clearStaleSocket, listenTargets } from './hosts.ts';
import { type DaemonOptions, reloadableKeys, warnAboutIdleOptions } from './options.ts';
import { claimRoots, type Roots } from './roots.ts';

export interface DaemonParts {
  readonly options: DaemonOptions;
  readonly log: Log;
  /** Directory that holds native/build. */
  readonly checkout: string;
  readonly version: string;
}

const defaultDataRoot = '/var/lib/corten';
/** Rotation is on by default: logs that grow for ever fill disks. */
const defaultLogOptions = { 'max-size': '100m', 'max-file': '3' };

function networkSettings(options: DaemonOptions, roots: Roots): NetworkSettings {
  const own = options.dataRoot === defaultDataRoot ? 'corten0' : `ct-${roots.instance}`;
  return {
    instance: roots.instance,
    bridgeName: options.bridge === '' ? own : options.bridge,
    bridgeAddress: options.bip,
    addressPools: options.addressPools,
    dns: options.dns,
    dnsSearch: options.dnsSearch,
    dnsOptions: options.dnsOptions,
    mtu: options.mtu,
  };
}

function openDatabase(roots: Roots): Database {
  try {
    return new Database(join(roots.dataRoot, 'corten.db'));
  } catch (error) {
    // Nothing was started yet that would let go of the locks.
    roots.release();
    throw error;
  }
}

/** The composition root: makes every part, starts them in order, stops them in reverse. */
export class Daemon {
  readonly #parts: DaemonParts;
  #options: DaemonOptions;
  #stop: (() => Promise<void>) | undefined;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
    this.#options = parts.options;
  }

  async start(): Promise<void> {
    const { log, checkout, version } = this.#parts;
    if (process.getuid?.() !== 0) {
      throw forbidden('not-root', 'cortend must run as root: it makes namespaces, mounts and links', {
        hint: 'try: sudo cortend',
      });
    }
    const nativeBinaryPath = join(checkout, 'native/build/corten-native');
    if (!existsSync(nativeBinaryPath)) {
      throw unavailable('not-set-up', `${nativeBinaryPath} is missing`, { hint: `run ${join(checkout, 'setup')}` });
    }
    const started = performance.now();
    const roots = claimRoots(this.#options);
    this.#stop = await startAll(this.#services(roots, nativeBinaryPath));
    warnAboutIdleOptions(this.#options, log);
    log.info({ version, milliseconds: Math.round(performance.now() - started) }, 'cortend is ready');
  }

  /** Idempotent. Containers go on. */
  async stop(): Promise<void> {
    const stop = this.#stop;
    this.#stop = undefined;
    await stop?.();
  }

  /** Takes over what may change while it runs; says what else differs. */
  reload(options: DaemonOptions): void {
    this.#options = {
      ...this.#options,
      debug: options.debug,
      logLevel: options.logLevel,
      labels: options.labels,
      ulimits: options.ulimits,
      logDriver: options.logDriver,
      logOptions: options.logOptions,
    };
    this.#parts.log.info({ keys: reloadableKeys }, 'configuration reloaded');
  }

  /** In starting order. The first one holds the locks and the state that all others need. */
  #services(roots: Roots, nativeBinaryPath: string): readonly Service[] {
    const { log } = this.#parts;
    const database = openDatabase(roots);
    const images = createImageStore({ database, dataRoot: roots.dataRoot, log });
    const events = createEventLog();
    const volumes = new LocalVolumeStore({
      database,
      directory: join(roots.dataRoot, 'volumes'),
      log,
      onChange: ({ kind, name }) =>
        events.publish({ type: 'volume', action: kind, actor: { id: name, attributes: { driver: 'local' } } }),
    });
    const networks = createNetworkService({ settings: networkSettings(this.#options, roots), database, log });
    const cgroupParent = `/corten-${roots.instance}`;
    const runtime = createRuntime({ execRoot: roots.execRoot, cgroupParent, nativeBinaryPath, log });
    const engine = createEngine({
      database,
      runtime,
      images,
      snapshots: images.snapshots,
      networks,
      volumes,
      events,
      cgroups: runtime.cgroups,
      pairAttachment,
      clock: systemClock,
      log,
      dataRoot: roots.dataRoot,
      execRoot: roots.execRoot,
      cgroupParent,
      settings: () => ({
        ulimits: this.#options.ulimits,
        log: { driver: this.#options.logDriver, options: { ...defaultLogOptions, ...this.#options.logOptions } },
        labels: this.#options.labels,
        debug: this.#options.debug,
      }),
    });
    const state: Service = {
      name: 'state',
      start: async () => await Promise.resolve(),
      async stop() {
        await runtime.removeParentCgroup();
        database.close();
        roots.release();
      },
    };
    return [state, images, volumes, networks, engine, this.#api(engine)];
  }

  #api(engine: ReturnType<typeof createEngine>): Service {
    const { log, version } = this.#parts;
    const listeners: Listener[] = [];
    return {
      name: 'api',
      start: async () => {
        const product = { version, gitCommit: 'unknown', buildTime: '' };
        const api = createDockerApi({ engine, log, product, debug: () => this.#options.logLevel === 'debug' });
        for (const target of listenTargets(this.#options)) {
          if (target.kind === 'unix') await clearStaleSocket(target.path);
          const listener = await api.listen(target);
          listeners.push(listener);
          log.info({ address: listener.address }, 'API listens');
        }
      },
      async stop() {
        for (const listener of listeners.splice(0)) await listener.close();
      },
    };
  }
}
