import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { conflict, Database, notFound, silentLog } from '../../../src/base/index.ts';
import {
  createEngine,
  createEventLog,
  type ContainerConfiguration,
  type EngineClock,
  type EngineDependencies,
  type EngineService,
  type Failpoint,
  type HostConfiguration,
} from '../../../src/engine/index.ts';
import type { Image, ImageStore, Snapshots } from '../../../src/image/types.ts';
import type { EndpointRecord, Network, NetworkService } from '../../../src/network/types.ts';
import type {
  Attachment,
  ContainerProcess,
  ExitRecord,
  LaunchRequest,
  ProcessRecord,
  RunningContainer,
  Runtime,
} from '../../../src/runtime/types.ts';
import type { Volume } from '../../../src/volume/types.ts';

export const busybox: Image = {
  id: `sha256:${'b'.repeat(64)}`,
  tags: ['busybox:latest'],
  digests: [],
  parent: '',
  comment: '',
  author: '',
  created: '2026-01-01T00:00:00Z',
  platform: { os: 'linux', architecture: 'amd64' },
  defaults: {
    user: '',
    exposedPorts: [],
    env: ['PATH=/bin'],
    entrypoint: undefined,
    command: ['sh'],
    volumes: [],
    workingDirectory: '',
    labels: { origin: 'image' },
    stopSignal: undefined,
    shell: undefined,
    onBuild: [],
    healthcheck: undefined,
  },
  layers: [],
  size: 1000,
  lastTagged: undefined,
};

export const hostDefaults: HostConfiguration = {
  binds: [],
  mounts: [],
  volumesFrom: [],
  tmpfs: {},
  portBindings: [],
  publishAllPorts: false,
  networkMode: 'default',
  macAddress: '',
  pidMode: '',
  ipcMode: '',
  utsMode: '',
  cgroupnsMode: '',
  usernsMode: '',
  cgroupParent: '',
  restartPolicy: { name: 'no', maximumRetryCount: 0 },
  autoRemove: false,
  log: { driver: 'json-file', options: {} },
  init: undefined,
  privileged: false,
  readOnlyRoot: false,
  capabilitiesAdded: [],
  capabilitiesDropped: [],
  securityOptions: ['seccomp=unconfined'],
  groupsAdded: [],
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  extraHosts: [],
  sysctls: {},
  ulimits: [],
  shmSizeBytes: 0,
  oomScoreAdjust: 0,
  devices: [],
  deviceCgroupRules: [],
  maskedPaths: undefined,
  readOnlyPaths: undefined,
  annotations: {},
  consoleSize: [0, 0],
  resources: {},
  nanoCpus: 0,
  raw: {},
};

type Changes = Partial<Omit<ContainerConfiguration, 'host'>> & { readonly host?: Partial<HostConfiguration> };

export function configuration({ host, ...changes }: Changes = {}): ContainerConfiguration {
  return {
    image: 'busybox',
    hostname: '',
    domainname: '',
    user: '',
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    tty: false,
    openStdin: false,
    stdinOnce: false,
    env: [],
    command: undefined,
    entrypoint: undefined,
    workingDirectory: '',
    labels: {},
    exposedPorts: [],
    volumes: [],
    stopSignal: undefined,
    stopTimeoutSeconds: undefined,
    healthcheck: undefined,
    shell: undefined,
    networkDisabled: false,
    ...changes,
    host: { ...hostDefaults, ...host },
  };
}

/** Time that moves only when a test says so. */
export class ManualClock implements EngineClock {
  #now = 1_700_000_000_000;
  readonly #timers = new Set<{ readonly due: number; readonly action: () => void }>();

  nowNanoseconds(): bigint {
    return BigInt(this.#now) * 1_000_000n;
  }

  after(milliseconds: number, action: () => void): () => void {
    const timer = { due: this.#now + milliseconds, action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Delays of the timers that run, shortest first. */
  pending(): readonly number[] {
    return [...this.#timers].map(({ due }) => due - this.#now).sort((a, b) => a - b);
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    for (const timer of [...this.#timers].filter(({ due }) => due <= this.#now)) {
      this.#timers.delete(timer);
      timer.action();
    }
  }
}

/** A process of the fake kernel. By default it ends at SIGKILL and SIGTERM, unless it is frozen. */
export class FakeProcess {
  readonly pid: number;
  readonly request: LaunchRequest;
  readonly #exited = Promise.withResolvers<ExitRecord>();
  exit: ExitRecord | undefined;
  frozen = false;
  ignoresTerm = false;
  #signals: number[] = [];
  readonly received: number[] = [];

  constructor(pid: number, request: LaunchRequest) {
    this.pid = pid;
    this.request = request;
  }

  get exited(): Promise<ExitRecord> {
    return this.#exited.promise;
  }

  end(exitCode: number, more: Partial<ExitRecord> = {}): void {
    if (this.exit !== undefined) return;
    this.exit = { exitCode, oomKilled: false, finishedAtNanoseconds: BigInt(Date.now()) * 1_000_000n, ...more };
    this.#exited.resolve(this.exit);
  }

  signal(signal: number): void {
    if (this.frozen) {
      this.#signals.push(signal);
      return;
    }
    this.received.push(signal);
    if (signal === 9 || (signal === 15 && !this.ignoresTerm)) this.end(128 + signal);
  }

  thaw(): void {
    this.frozen = false;
    for (const signal of this.#signals.splice(0)) this.signal(signal);
  }
}

/** What outlives the daemon: processes, cgroups, directories, network namespaces, layers, volumes. */
export class FakeKernel {
  readonly processes = new Map<string, FakeProcess>();
  readonly networks = new Map<string, { readonly endpoint: EndpointRecord | undefined }>();
  readonly layers = new Map<string, string>();
  readonly volumes = new Map<string, Volume>();
  readonly launched: LaunchRequest[] = [];
  launchError: Error | undefined;
  /** Behaviour of the next processes. */
  onLaunch: (process: FakeProcess) => void = () => undefined;
  #nextPid = 100;

  process(id: string): FakeProcess {
    const process = this.processes.get(id);
    assert.ok(process !== undefined, `no process for ${id}`);
    return process;
  }

  launch(request: LaunchRequest): FakeProcess {
    if (this.launchError !== undefined) throw this.launchError;
    assert.equal(this.processes.get(request.id), undefined, 'launched while the last run is still there');
    this.#nextPid += 1;
    const process = new FakeProcess(this.#nextPid, request);
    this.processes.set(request.id, process);
    this.launched.push(request);
    this.onLaunch(process);
    return process;
  }
}

class FakeRunning implements RunningContainer {
  readonly record: ProcessRecord;
  readonly #process: FakeProcess;

  constructor(process: FakeProcess) {
    const { pid, request } = process;
    this.#process = process;
    this.record = {
      pid,
      startTime: '1',
      monitorPid: pid + 10_000,
      monitorStartTime: '1',
      stateDirectory: request.stateDirectory,
      cgroupPath: request.configuration.linux.cgroupsPath,
    };
  }

  get exited(): Promise<ExitRecord> {
    return this.#process.exited;
  }

  get released(): Promise<void> {
    return this.#process.exited.then(() => undefined);
  }

  async attach(): Promise<Attachment> {
    return fakeAttachment();
  }

  async resize(): Promise<void> {}

  async kill(signal: number): Promise<boolean> {
    if (this.#process.exit !== undefined) return false;
    this.#process.signal(signal);
    return true;
  }

  async killAll(): Promise<void> {
    this.#process.frozen = false;
    this.#process.end(137);
  }

  async pause(): Promise<void> {
    this.#process.frozen = true;
  }

  async resume(): Promise<void> {
    this.#process.thaw();
  }

  async processes(): Promise<readonly number[]> {
    return [this.#process.pid];
  }

  statistics(): never {
    throw new Error('the fake has no statistics');
  }

  async updateResources(): Promise<void> {}

  exec(): Promise<ContainerProcess> {
    return Promise.reject(new Error('the fake cannot exec'));
  }
}

function fakeAttachment(): Attachment {
  const output = new PassThrough();
  return { output, input: new PassThrough(), close: () => output.destroy() };
}

const bridge: Network = {
  id: 'n'.repeat(64),
  name: 'bridge',
  driver: 'bridge',
  created: '2026-01-01T00:00:00Z',
  bridgeName: 'corten0',
  subnets: [],
  internal: false,
  attachable: false,
  ingress: false,
  ipv6: false,
  options: {},
  labels: {},
};

const openNull = (): number => openSync('/dev/null', 'r');

function fakeRuntime(kernel: FakeKernel): Runtime {
  return {
    async launch(request) {
      return new FakeRunning(kernel.launch(request));
    },
    async recover(record) {
      const process = [...kernel.processes.values()].find(({ pid }) => pid === record.pid);
      if (process === undefined) return undefined;
      return process.exit ?? new FakeRunning(process);
    },
    async discard(id) {
      kernel.processes.get(id)?.end(137);
      kernel.processes.delete(id);
    },
    async leftovers() {
      return [...kernel.processes.keys()].map((id) => ({ id, what: 'process' as const }));
    },
  };
}

function fakeSnapshots(kernel: FakeKernel, root: string): Snapshots {
  return {
    async prepare(id, image) {
      kernel.layers.set(id, image);
    },
    root(id) {
      if (!kernel.layers.has(id)) throw notFound('snapshot-not-found', `no layer ${id}`);
      return { kind: 'directory', path: root };
    },
    openMerged: () => openSync(root, 'r'),
    async remove(id) {
      kernel.layers.delete(id);
    },
    changes: async () => [],
    usage: async () => 10,
    containers: () => [...kernel.layers.keys()],
    layerDirectories: () => [],
  };
}

function fakeNetworks(kernel: FakeKernel): NetworkService {
  const unused = (): never => {
    throw new Error('not part of the fake');
  };
  return {
    name: 'network',
    teardown: async () => undefined,
    start: async () => undefined,
    stop: async () => undefined,
    list: () => [bridge],
    resolve: () => bridge,
    endpoints: () => [],
    async prepare({ containerId, network, publications }) {
      if (!['bridge', 'none'].includes(network)) throw notFound('network-not-found', `network ${network} not found`);
      if (publications.some(({ hostPortFirst }) => hostPortFirst === 81)) {
        throw conflict('port-in-use', 'Bind for 0.0.0.0:81 failed: port is already allocated');
      }
      const endpoint: EndpointRecord = {
        endpointId: 'e',
        networkId: bridge.id,
        networkName: 'bridge',
        macAddress: '02:42:ac:11:00:02',
        address: '172.17.0.2',
        prefixLength: 16,
        gateway: '172.17.0.1',
        hostInterface: 'veth0',
        ports: [],
      };
      const made = network === 'none' ? undefined : endpoint;
      kernel.networks.set(containerId, { endpoint: made });
      return { descriptor: openNull(), endpoint: made, heldDescriptors: [openNull()], relays: [] };
    },
    async release(containerId) {
      kernel.networks.delete(containerId);
    },
    async reconcile(running) {
      const known = new Set(running.map(({ containerId }) => containerId));
      for (const id of kernel.networks.keys()) if (!known.has(id)) kernel.networks.delete(id);
    },
    interfaceStatistics: async () => [],
    explain: unused,
    resolverConfiguration: async () => 'nameserver 192.0.2.1\n',
  };
}

function fakeVolumes(kernel: FakeKernel): EngineDependencies['volumes'] {
  let users: (volume: string) => readonly string[] = () => [];
  return {
    list: () => [...kernel.volumes.values()],
    resolve(name) {
      const volume = kernel.volumes.get(name);
      if (volume === undefined) throw notFound('volume-not-found', `get ${name}: no such volume`);
      return volume;
    },
    create({ name, labels }) {
      const chosen = name ?? `anonymous-${kernel.volumes.size}-${Math.random()}`;
      const volume: Volume = {
        name: chosen,
        driver: 'local',
        mountpoint: `/volumes/${chosen}`,
        created: '2026-01-01T00:00:00Z',
        labels: labels ?? {},
        options: {},
        anonymous: name === undefined,
      };
      const existing = kernel.volumes.get(chosen);
      if (existing === undefined) kernel.volumes.set(chosen, volume);
      return existing ?? volume;
    },
    async remove(name) {
      if (users(name).length > 0) throw conflict('volume-in-use', `volume ${name} is in use`);
      kernel.volumes.delete(name);
    },
    prune: async () => ({ removed: [], spaceReclaimed: 0 }),
    usage: async () => 0,
    setUsage(ask) {
      users = ask;
    },
    copyUp: async () => true,
  };
}

function fakeImages(images: readonly Image[]): ImageStore {
  const unused = (): never => {
    throw new Error('not part of the fake');
  };
  return {
    list: () => images,
    resolve(reference) {
      const found = images.find(({ id, tags }) => id === reference || tags.includes(`${reference}:latest`));
      if (found === undefined) throw notFound('image-not-found', `No such image: ${reference}:latest`);
      return found;
    },
    history: unused,
    tag: unused,
    remove: unused,
    prune: unused,
    load: unused,
    save: async () => Readable.from([]),
    import: unused,
    bootstrap: unused,
    setUsage() {},
    onChange() {},
    diskUsage: async () => ({ layersSize: 0, images: new Map() }),
  };
}

const capabilities = {
  version: 1,
  controllers: [],
  memoryLimit: true,
  swapLimit: true,
  memoryReservation: true,
  memorySwappiness: true,
  oomKillDisable: true,
  cpuShares: true,
  cpuCfs: true,
  cpuRealtime: true,
  cpuset: true,
  pids: true,
  blkioWeight: true,
  devices: true,
  cpus: '0-1',
  mems: '0',
} as const;

export interface World {
  readonly kernel: FakeKernel;
  readonly clock: ManualClock;
  readonly directory: string;
  readonly database: Database;
  /** "action" or "action key=value" of every container event so far, oldest first. */
  readonly events: string[];
  /** A daemon on this world's disk and kernel. The one before is forgotten, as after a kill. */
  boot(failpoint?: Failpoint, images?: readonly Image[]): Promise<EngineService>;
  close(): Promise<void>;
}

export function createWorld(): World {
  const directory = mkdtempSync(join(tmpdir(), 'corten-engine-'));
  const database = new Database(':memory:');
  const kernel = new FakeKernel();
  const clock = new ManualClock();
  const events: string[] = [];
  let current: EngineService | undefined;
  return {
    kernel,
    clock,
    directory,
    database,
    events,
    async boot(failpoint, images = [busybox]) {
      // Of the daemon before only its promises live on: it must not write to what is no longer its own.
      current?.stop().catch(() => undefined);
      const log = createEventLog();
      const publish = log.publish.bind(log);
      log.publish = (event): void => {
        const { exitCode, signal } = event.actor.attributes;
        const detail = exitCode === undefined ? signal : exitCode;
        if (event.type === 'container') events.push(detail === undefined ? event.action : `${event.action} ${detail}`);
        publish(event);
      };
      current = createEngine({
        database,
        runtime: fakeRuntime(kernel),
        images: fakeImages(images),
        snapshots: fakeSnapshots(kernel, directory),
        networks: fakeNetworks(kernel),
        volumes: fakeVolumes(kernel),
        events: log,
        log: silentLog,
        dataRoot: join(directory, 'data'),
        execRoot: join(directory, 'exec'),
        cgroupParent: '/corten-test',
        cgroups: { version: 1, capabilities: () => capabilities, explain: () => [] },
        pairAttachment: (options) => ({ client: { ...options, descriptor: openNull() }, attachment: fakeAttachment() }),
        settings: () => ({ ulimits: [], log: { driver: 'json-file', options: {} }, labels: [], debug: false }),
        clock,
        ...(failpoint === undefined ? {} : { failpoint }),
      });
      await current.start();
      return current;
    },
    async close() {
      await current?.stop();
      database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Lets everything that is due run: I/O of the thread pool included. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for a condition that some event brings about. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `still waiting for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
