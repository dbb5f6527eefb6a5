import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { notFound, notModified } from '../../../src/base/index.ts';
import type {
  Container,
  ContainerConfiguration,
  ContainerStatistics,
  Engine,
  EngineEvent,
  Exec,
  ExecConfiguration,
} from '../../../src/engine/types.ts';
import type { Image } from '../../../src/image/types.ts';
import type { EndpointRecord, Network } from '../../../src/network/types.ts';
import type { Attachment, AttachOptions } from '../../../src/runtime/types.ts';
import type { Volume } from '../../../src/volume/types.ts';

/** An engine without a kernel: it remembers what it was asked, and echoes what is attached. */
export interface FakeEngine extends Engine {
  readonly calls: { readonly name: string; readonly arguments: readonly unknown[] }[];
  readonly created: ContainerConfiguration[];
  readonly execConfigurations: ExecConfiguration[];
  /** Attachments that the API closed. */
  readonly closedAttachments: () => number;
  addContainer(container: Container): void;
  removeContainer(id: string): void;
  publishEvent(event: EngineEvent): void;
  /** Ends every wait for this container. */
  exit(id: string, exitCode: number): void;
  readonly input: (data: Buffer) => void;
  lastCall(name: string): readonly unknown[] | undefined;
}

export const containerId = 'a'.repeat(64);
export const otherId = 'b'.repeat(64);
export const imageId = `sha256:${'c'.repeat(64)}`;
export const networkId = 'd'.repeat(64);

export const image: Image = {
  id: imageId,
  tags: ['busybox:latest'],
  digests: [],
  parent: '',
  comment: 'Imported from -',
  author: '',
  created: '2026-01-02T03:04:05.678901234Z',
  platform: { os: 'linux', architecture: 'amd64' },
  defaults: {
    user: '',
    exposedPorts: ['80/tcp'],
    env: ['PATH=/bin'],
    entrypoint: undefined,
    command: ['sh'],
    volumes: ['/data'],
    workingDirectory: '/',
    labels: { maker: 'test' },
    stopSignal: undefined,
    shell: undefined,
    onBuild: [],
    healthcheck: undefined,
  },
  layers: [`sha256:${'e'.repeat(64)}`],
  size: 1_234_567,
  lastTagged: '2026-01-02T03:04:06Z',
};

export const network: Network = {
  id: networkId,
  name: 'bridge',
  driver: 'bridge',
  created: '2026-01-01T00:00:00.000000000Z',
  bridgeName: 'corten0',
  subnets: [{ subnet: '172.20.0.0/16', gateway: '172.20.0.1' }],
  internal: false,
  attachable: false,
  ingress: false,
  ipv6: false,
  options: {},
  labels: {},
};

export const volume: Volume = {
  name: 'data',
  driver: 'local',
  mountpoint: '/var/lib/corten/volumes/data/_data',
  created: '2026-01-01T00:00:00Z',
  labels: { team: 'blue' },
  options: {},
  anonymous: false,
};

export const endpoint: EndpointRecord = {
  endpointId: 'f'.repeat(64),
  networkId,
  networkName: 'bridge',
  macAddress: '02:42:ac:14:00:02',
  address: '172.20.0.2',
  prefixLength: 16,
  gateway: '172.20.0.1',
  hostInterface: 'ctv1',
  ports: [
    { protocol: 'tcp', containerPort: 80, hostAddress: '0.0.0.0', hostPort: 8080 },
    { protocol: 'tcp', containerPort: 80, hostAddress: '::', hostPort: 8080 },
  ],
};

export function configuration(changes: Partial<ContainerConfiguration> = {}): ContainerConfiguration {
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
    env: ['A=1'],
    command: ['echo', 'two words'],
    entrypoint: undefined,
    workingDirectory: '',
    labels: { team: 'blue' },
    exposedPorts: ['80/tcp', '443/tcp'],
    volumes: [],
    stopSignal: undefined,
    stopTimeoutSeconds: undefined,
    healthcheck: undefined,
    shell: undefined,
    networkDisabled: false,
    host: {
      binds: ['/tmp:/host'],
      mounts: [],
      volumesFrom: [],
      tmpfs: {},
      portBindings: [{ containerPort: 80, protocol: 'tcp', hostAddress: '', hostPort: '8080' }],
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
      securityOptions: [],
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
    },
    ...changes,
  };
}

export function container(changes: Partial<Container> = {}): Container {
  const own = changes.configuration ?? configuration();
  return {
    id: containerId,
    name: 'web',
    created: '2026-01-02T03:04:05.000000000Z',
    imageId,
    configuration: own,
    effective: {
      hostname: 'aaaaaaaaaaaa',
      env: ['A=1', 'PATH=/bin'],
      entrypoint: [],
      command: ['echo', 'two words'],
      path: 'echo',
      args: ['two words'],
      workingDirectory: '/',
      user: '',
      labels: own.labels,
      exposedPorts: ['80/tcp', '443/tcp'],
      volumes: [],
      stopSignal: 'SIGTERM',
      stopTimeoutSeconds: 10,
      healthcheck: undefined,
    },
    state: {
      status: 'running',
      pid: 4242,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: '2026-01-02T03:04:06.000000000Z',
      finishedAt: '0001-01-01T00:00:00Z',
      restartCount: 0,
      health: {
        status: 'healthy',
        failingStreak: 0,
        log: [{ start: '2026-01-02T03:04:07Z', end: '2026-01-02T03:04:08Z', exitCode: 0, output: 'fine' }],
      },
    },
    mounts: [
      {
        type: 'volume',
        name: 'data',
        source: '/var/lib/corten/volumes/data/_data',
        target: '/data',
        readOnly: false,
        propagation: '',
        recursive: true,
        options: [],
        mode: 'z',
      },
    ],
    endpoint,
    files: { hosts: '/h/hosts', hostname: '/h/hostname', resolvConf: '/h/resolv.conf', log: '/h/log' },
    execIds: [],
    ...changes,
  };
}

export const statistics: ContainerStatistics = {
  resources: {
    readAtNanoseconds: 1_767_323_045_123_456_789n,
    cpu: {
      totalNanoseconds: 100,
      userNanoseconds: 60,
      systemNanoseconds: 40,
      perCpuNanoseconds: [50, 50],
      hostTotalNanoseconds: 1000,
      onlineCpus: 2,
      throttling: { periods: 1, throttledPeriods: 0, throttledNanoseconds: 0 },
    },
    memory: { usageBytes: 1, maximumUsageBytes: 2, limitBytes: 3, failures: 0, details: { cache: 1 } },
    pids: { current: 1, limit: undefined },
    blockIo: [{ major: 8, minor: 0, operation: 'Read', bytes: 7 }],
    cgroupVersion: 1,
  },
  networks: [
    {
      name: 'eth0',
      receivedBytes: 1,
      receivedPackets: 2,
      receivedErrors: 0,
      receivedDropped: 0,
      sentBytes: 3,
      sentPackets: 4,
      sentErrors: 0,
      sentDropped: 0,
    },
  ],
};

export function frame(stream: 1 | 2, data: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(data.length, 4);
  return Buffer.concat([head, data]);
}

/** Echoes its input on standard output, and ends when the input does. */
function echo(terminal: boolean, options: AttachOptions, onClose: () => void, greeting: string): Attachment {
  const output = new PassThrough();
  const input = new PassThrough();
  const write = (data: Buffer): void => {
    output.write(terminal ? data : frame(1, data));
  };
  write(Buffer.from(greeting));
  if (!options.stdin) input.end();
  input.on('data', write);
  input.on('end', () => {
    if (!terminal && options.stderr) output.write(frame(2, Buffer.from('bye\n')));
    output.end();
  });
  return {
    output,
    input,
    close() {
      onClose();
      output.end();
    },
  };
}

interface Waiter {
  readonly id: string;
  readonly resolve: (result: { exitCode: number; error: string | undefined }) => void;
}

function eventQueue(): Pick<FakeEngine, 'publishEvent'> & { readonly events: Engine['events'] } {
  const past: EngineEvent[] = [];
  const listeners = new Set<() => void>();
  const publishEvent = (event: EngineEvent): void => {
    past.push(event);
    for (const listener of [...listeners]) listener();
  };
  return {
    publishEvent,
    events: {
      publish: (event) => publishEvent({ ...event, timeNanoseconds: BigInt(Date.now()) * 1_000_000n }),
      async *subscribe({ sinceNanoseconds, untilNanoseconds, signal }) {
        let next = sinceNanoseconds === undefined ? past.length : 0;
        for (;;) {
          while (next < past.length) {
            const event = past[next++];
            if (event !== undefined && event.timeNanoseconds >= (sinceNanoseconds ?? 0n)) yield event;
          }
          if (signal.aborted || untilNanoseconds !== undefined) return;
          await new Promise<void>((resolve) => {
            const wake = (): void => {
              listeners.delete(wake);
              resolve();
            };
            listeners.add(wake);
            signal.addEventListener('abort', wake);
          });
        }
      },
    },
  };
}

export function fakeEngine(): FakeEngine {
  const containers = new Map<string, Container>([[containerId, container()]]);
  const calls: { name: string; arguments: readonly unknown[] }[] = [];
  const created: ContainerConfiguration[] = [];
  const execConfigurations: ExecConfiguration[] = [];
  const execs = new Map<string, Exec>();
  const waiters = new Set<Waiter>();
  const { events, publishEvent } = eventQueue();
  const inputs: Buffer[] = [];
  let closed = 0;

  const record = (name: string, ...args: readonly unknown[]): void => {
    calls.push({ name, arguments: args });
  };
  const resolve = (reference: string): Container => {
    const name = reference.replace(/^\//, '');
    for (const candidate of containers.values()) {
      if (candidate.id === name || candidate.name === name || (name !== '' && candidate.id.startsWith(name)))
        return candidate;
    }
    throw notFound('container-not-found', `No such container: ${reference}`);
  };
  const resolveImage = (reference: string): Image => {
    if ([imageId, 'busybox', 'busybox:latest', 'team/app', 'localhost:5000/team/app:1'].includes(reference))
      return image;
    throw notFound('image-not-found', `No such image: ${reference}`);
  };
  const resolveExec = (id: string): Exec => {
    const exec = execs.get(id);
    if (exec === undefined) throw notFound('exec-not-found', `No such exec instance: ${id}`);
    return exec;
  };
  const act =
    (name: string) =>
    async (reference: string, ...args: readonly unknown[]): Promise<void> => {
      record(name, reference, ...args);
      resolve(reference);
    };

  return {
    calls,
    created,
    execConfigurations,
    closedAttachments: () => closed,
    addContainer: (added) => void containers.set(added.id, added),
    removeContainer: (id) => void containers.delete(id),
    publishEvent,
    exit(id, exitCode) {
      for (const waiter of waiters) if (waiter.id === id) waiter.resolve({ exitCode, error: undefined });
    },
    input: (data) => void inputs.push(data),
    lastCall: (name) => calls.findLast((call) => call.name === name)?.arguments,
    containers: {
      list: () => [...containers.values()],
      resolve,
      size: async () => ({ writable: 10, root: 20 }),
      async create(name, given) {
        record('create', name, given);
        created.push(given);
        resolveImage(given.image);
        containers.set(
          otherId,
          container({
            id: otherId,
            name: name ?? 'generated',
            configuration: given,
            state: { ...container().state, status: 'created', pid: 0, health: undefined },
            endpoint: undefined,
          }),
        );
        return { id: otherId, warnings: [] };
      },
      async start(reference) {
        record('start', reference);
        if (resolve(reference).id === containerId) throw notModified('already-started', 'already started');
      },
      stop: act('stop'),
      restart: act('restart'),
      kill: act('kill'),
      pause: act('pause'),
      unpause: act('unpause'),
      rename: act('rename'),
      async update(reference, update) {
        record('update', reference, update);
        resolve(reference);
        return { warnings: [] };
      },
      async remove(reference, options) {
        record('remove', reference, options);
        containers.delete(resolve(reference).id);
      },
      async prune(matches) {
        const removed = [...containers.values()].filter(matches).map(({ id }) => id);
        record('prune', removed);
        return { removed, spaceReclaimed: 7 };
      },
      wait(reference, condition, signal) {
        const { id } = resolve(reference);
        record('wait', reference, condition);
        return {
          exited: new Promise((resolveWait, reject) => {
            const waiter: Waiter = {
              id,
              resolve(result) {
                waiters.delete(waiter);
                resolveWait(result);
              },
            };
            waiters.add(waiter);
            signal.addEventListener('abort', () => {
              waiters.delete(waiter);
              record('wait-aborted', reference);
              reject(new Error('aborted'));
            });
          }),
        };
      },
      async attach(reference, options) {
        record('attach', reference, options);
        const { configuration: own } = resolve(reference);
        return echo(own.tty, options, () => (closed += 1), 'hello\n');
      },
      resize: act('resize'),
      async logs(reference, options, signal) {
        record('logs', reference, options);
        resolve(reference);
        const output = new PassThrough();
        output.write(frame(1, Buffer.from('line one\n')));
        if (options.follow) {
          signal.addEventListener('abort', () => {
            record('logs-aborted', reference);
            output.end();
          });
        } else {
          output.end();
        }
        return output;
      },
      async top(reference, psArguments) {
        record('top', reference, psArguments);
        resolve(reference);
        return { titles: ['PID', 'CMD'], processes: [['1', 'sh']] };
      },
      async statistics(reference) {
        resolve(reference);
        return statistics;
      },
      async changes(reference) {
        resolve(reference);
        return [{ path: '/etc/passwd', kind: 0 }];
      },
      async export(reference) {
        resolve(reference);
        return Readable.from([Buffer.from('a tar')]);
      },
      async explain(reference, path) {
        record('explain', reference, path);
        return {
          id: resolve(reference).id,
          name: 'web',
          pid: 4242,
          namespaces: [],
          cgroups: [],
          mounts: [],
          layers: [],
          capabilities: { effective: [], bounding: [] },
          seccomp: 'filter',
          noNewPrivileges: false,
          network: undefined,
        };
      },
      trace(reference) {
        resolve(reference);
        return { phases: [{ name: 'launch', startMilliseconds: 0, durationMilliseconds: 1.5 }] };
      },
    },
    execs: {
      create(reference, given) {
        record('exec-create', reference, given);
        execConfigurations.push(given);
        const exec: Exec = {
          id: String(execs.size + 1).padStart(64, '0'),
          containerId: resolve(reference).id,
          configuration: given,
          running: false,
          exitCode: 0,
          pid: 0,
        };
        execs.set(exec.id, exec);
        return exec;
      },
      resolve: resolveExec,
      async startDetached(id) {
        record('exec-start-detached', id);
      },
      startAttached(id, consoleSize) {
        record('exec-start', id, consoleSize);
        const { configuration: own } = resolveExec(id);
        const attachment = echo(
          own.tty,
          { stdin: own.attachStdin, stdout: own.attachStdout, stderr: own.attachStderr },
          () => (closed += 1),
          'exec\n',
        );
        return { attachment, started: Promise.resolve() };
      },
      async resize(id, rows, columns) {
        record('exec-resize', id, rows, columns);
        resolveExec(id);
      },
    },
    images: {
      list: () => [image],
      resolve: resolveImage,
      history: (reference) => [
        {
          id: resolveImage(reference).id,
          createdSeconds: 1,
          createdBy: 'import',
          tags: ['busybox:latest'],
          size: 3,
          comment: '',
        },
      ],
      tag(reference, target) {
        record('tag', reference, target);
        resolveImage(reference);
      },
      async remove(reference, options) {
        record('image-remove', reference, options);
        return [{ untagged: 'busybox:latest' }, { deleted: resolveImage(reference).id }];
      },
      async prune({ dangling, matches }) {
        record('image-prune', dangling, matches(image));
        return { removals: [{ deleted: imageId }], spaceReclaimed: 9 };
      },
      async load(archive, report) {
        const bytes = await buffer(archive);
        record('load', bytes.length);
        if (bytes.toString() === 'broken') {
          report({ status: 'Loading layer', id: 'abc', current: 1, total: 2 });
          throw notFound('layer-missing', 'the archive lacks a layer');
        }
        if (bytes.length === 0) throw notFound('empty-archive', 'the archive is empty');
        report({ status: 'Loading layer', id: 'abc', current: 5, total: 10 });
        return [{ id: imageId, reference: 'busybox:latest' }];
      },
      async save(references) {
        record('save', references);
        references.forEach(resolveImage);
        return Readable.from([Buffer.from('a tar')]);
      },
      async import(archive, options, report) {
        record('import', (await buffer(archive)).length, options);
        report({ status: 'Importing' });
        return image;
      },
      async bootstrap(reference, report) {
        record('bootstrap', reference);
        if (reference !== 'busybox') throw notFound('bootstrap-unknown', `nothing known about ${reference}`);
        report({ status: 'Downloading', id: 'busybox-static', current: 1, total: 2 });
        return image;
      },
      setUsage: () => undefined,
      onChange: () => undefined,
      diskUsage: async () => ({ layersSize: 5, images: new Map([[imageId, { sharedSize: 4 }]]) }),
    },
    networks: {
      name: 'network',
      start: async () => undefined,
      stop: async () => undefined,
      teardown: async () => undefined,
      list: () => [network],
      resolve(reference) {
        if (reference === 'bridge' || networkId.startsWith(reference)) return network;
        throw notFound('network-not-found', `network ${reference} not found`);
      },
      endpoints: () => [{ containerId, endpoint }],
      prepare: () => Promise.reject(new Error('not for an API')),
      release: async () => undefined,
      reconcile: async () => undefined,
      interfaceStatistics: async () => [],
      explain: async () => ({ interfaces: [], routes: [], rules: [] }),
      resolverConfiguration: async () => '',
    },
    volumes: {
      list: () => [volume],
      resolve(name) {
        if (name === 'data') return volume;
        throw notFound('volume-not-found', `get ${name}: no such volume`);
      },
      create(options) {
        record('volume-create', options);
        return volume;
      },
      async remove(name, options) {
        record('volume-remove', name, options);
      },
      async prune({ all, matches }) {
        record('volume-prune', all, matches(volume));
        return { removed: ['data'], spaceReclaimed: 8 };
      },
      usage: async () => 1,
      setUsage: () => undefined,
    },
    events,
    information: () => ({
      id: 'host',
      name: 'host',
      containers: { total: 1, running: 1, paused: 0, stopped: 0 },
      images: 1,
      kernelVersion: '6.18',
      operatingSystem: 'Debian',
      architecture: 'x86_64',
      cpus: 2,
      memoryBytes: 1024,
      cgroupVersion: 1,
      cgroupControllers: ['memory', 'cpu', 'pids'],
      dataRoot: '/var/lib/corten',
      storageDriver: 'overlay2',
      loggingDriver: 'json-file',
      securityOptions: ['name=seccomp,profile=builtin'],
      labels: [],
      debug: false,
      eventListeners: 0,
      warnings: [],
    }),
    diskUsage: async () => ({
      layersSize: 5,
      images: [{ image, sharedSize: 1, containers: 1 }],
      containers: [{ container: container(), size: { writable: 1, root: 2 } }],
      volumes: [{ name: 'data', size: 3, references: 1 }],
    }),
    networkContainers: () => [{ container: container(), endpoint }],
  };
}
