import type { Container, ContainerConfiguration, HostConfiguration } from '../../src/engine/types.ts';

const host: HostConfiguration = {
  binds: [],
  mounts: [],
  volumesFrom: [],
  tmpfs: {},
  portBindings: [],
  publishAllPorts: false,
  networkMode: 'none',
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
};

const configuration: Omit<ContainerConfiguration, 'host'> = {
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
};

export interface ContainerWishes {
  readonly host?: Partial<HostConfiguration>;
  readonly configuration?: Partial<Omit<ContainerConfiguration, 'host'>>;
  readonly effective?: Partial<Container['effective']>;
  readonly mounts?: Container['mounts'];
  readonly files?: Partial<Container['files']>;
  readonly id?: string;
}

/** A container record with the defaults that the API layer would give, and what a test wants differently. */
export function containerFixture(wishes: ContainerWishes = {}): Container {
  return {
    id: wishes.id ?? 'c'.repeat(64),
    name: 'fixture',
    created: '2026-01-01T00:00:00Z',
    imageId: `sha256:${'1'.repeat(64)}`,
    configuration: { ...configuration, ...wishes.configuration, host: { ...host, ...wishes.host } },
    effective: {
      hostname: 'fixture',
      env: [],
      entrypoint: [],
      command: [],
      path: '/bin/true',
      args: [],
      workingDirectory: '',
      user: '',
      labels: {},
      exposedPorts: [],
      volumes: [],
      stopSignal: 'SIGTERM',
      stopTimeoutSeconds: 10,
      healthcheck: undefined,
      ...wishes.effective,
    },
    state: {
      status: 'created',
      pid: 0,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: '0001-01-01T00:00:00Z',
      finishedAt: '0001-01-01T00:00:00Z',
      restartCount: 0,
      health: undefined,
    },
    mounts: wishes.mounts ?? [],
    endpoint: undefined,
    files: { hosts: '', hostname: '', resolvConf: '', log: '', ...wishes.files },
    execIds: [],
  };
}
