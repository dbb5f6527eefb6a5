import type { FieldTable } from './fields.ts';

/** Every field of the Engine API's request bodies up to 1.51, and what becomes of it. */

export const configFields: FieldTable = {
  Hostname: 'supported',
  Domainname: 'supported',
  User: 'supported',
  AttachStdin: 'supported',
  AttachStdout: 'supported',
  AttachStderr: 'supported',
  ExposedPorts: 'supported',
  PortSpecs: 'unsupported',
  Tty: 'supported',
  OpenStdin: 'supported',
  StdinOnce: 'supported',
  Env: 'supported',
  Cmd: 'supported',
  Healthcheck: 'supported',
  // Windows only.
  ArgsEscaped: 'ignored',
  Image: 'supported',
  Volumes: 'supported',
  WorkingDir: 'supported',
  Entrypoint: 'supported',
  NetworkDisabled: 'supported',
  MacAddress: 'supported',
  // Only a build acts on it; clients that copy a configuration from an image send it back.
  OnBuild: 'ignored',
  Labels: 'supported',
  StopSignal: 'supported',
  StopTimeout: 'supported',
  Shell: 'supported',
  HostConfig: 'supported',
  NetworkingConfig: 'supported',
  // dockerode repeats the query's parameters in the body.
  name: 'ignored',
  platform: 'ignored',
};

export const healthcheckFields: FieldTable = {
  Test: 'supported',
  Interval: 'supported',
  Timeout: 'supported',
  Retries: 'supported',
  StartPeriod: 'supported',
  StartInterval: 'supported',
};

export const resourceFields: FieldTable = {
  CpuShares: 'supported',
  Memory: 'supported',
  CgroupParent: 'supported',
  BlkioWeight: 'supported',
  BlkioWeightDevice: 'unsupported',
  BlkioDeviceReadBps: 'unsupported',
  BlkioDeviceWriteBps: 'unsupported',
  BlkioDeviceReadIOps: 'unsupported',
  BlkioDeviceWriteIOps: 'unsupported',
  CpuPeriod: 'supported',
  CpuQuota: 'supported',
  CpuRealtimePeriod: 'supported',
  CpuRealtimeRuntime: 'supported',
  CpusetCpus: 'supported',
  CpusetMems: 'supported',
  Devices: 'supported',
  DeviceCgroupRules: 'supported',
  DeviceRequests: 'unsupported',
  // Gone from the kernel; dockerd takes and ignores it.
  KernelMemory: 'ignored',
  KernelMemoryTCP: 'unsupported',
  MemoryReservation: 'supported',
  MemorySwap: 'supported',
  MemorySwappiness: 'supported',
  NanoCpus: 'supported',
  NanoCPUs: 'supported',
  OomKillDisable: 'supported',
  Init: 'supported',
  PidsLimit: 'supported',
  Ulimits: 'supported',
  // Windows only.
  CpuCount: 'unsupported',
  CpuPercent: 'unsupported',
  IOMaximumIOps: 'unsupported',
  IOMaximumBandwidth: 'unsupported',
};

export const hostConfigFields: FieldTable = {
  ...resourceFields,
  Binds: 'supported',
  // Written by the client's own --cidfile.
  ContainerIDFile: 'ignored',
  LogConfig: 'supported',
  NetworkMode: 'supported',
  PortBindings: 'supported',
  RestartPolicy: 'supported',
  AutoRemove: 'supported',
  VolumeDriver: 'supported',
  VolumesFrom: 'supported',
  Mounts: 'supported',
  ConsoleSize: 'supported',
  Annotations: 'supported',
  CapAdd: 'supported',
  CapDrop: 'supported',
  Capabilities: 'unsupported',
  CgroupnsMode: 'supported',
  Dns: 'supported',
  DnsOptions: 'supported',
  DnsSearch: 'supported',
  ExtraHosts: 'supported',
  GroupAdd: 'supported',
  IpcMode: 'supported',
  Cgroup: 'unsupported',
  Links: 'unsupported',
  OomScoreAdj: 'supported',
  PidMode: 'supported',
  Privileged: 'supported',
  PublishAllPorts: 'supported',
  ReadonlyRootfs: 'supported',
  SecurityOpt: 'supported',
  StorageOpt: 'unsupported',
  Tmpfs: 'supported',
  UTSMode: 'supported',
  UsernsMode: 'supported',
  ShmSize: 'supported',
  Sysctls: 'supported',
  Runtime: 'supported',
  Isolation: 'supported',
  MaskedPaths: 'supported',
  ReadonlyPaths: 'supported',
};

export const restartPolicyFields: FieldTable = { Name: 'supported', MaximumRetryCount: 'supported' };
export const logConfigFields: FieldTable = { Type: 'supported', Config: 'supported' };
export const portBindingFields: FieldTable = { HostIp: 'supported', HostPort: 'supported' };
export const deviceFields: FieldTable = {
  PathOnHost: 'supported',
  PathInContainer: 'supported',
  CgroupPermissions: 'supported',
};
export const ulimitFields: FieldTable = { Name: 'supported', Soft: 'supported', Hard: 'supported' };

/** `docker update` sends the resources and the restart policy. */
export const updateFields: FieldTable = {
  ...resourceFields,
  CgroupParent: 'unsupported',
  Devices: 'unsupported',
  DeviceCgroupRules: 'unsupported',
  Ulimits: 'unsupported',
  Init: 'unsupported',
  RestartPolicy: 'supported',
};

export const mountFields: FieldTable = {
  Target: 'supported',
  Source: 'supported',
  Type: 'supported',
  ReadOnly: 'supported',
  // A hint for Docker Desktop on macOS; without effect on Linux.
  Consistency: 'ignored',
  BindOptions: 'supported',
  VolumeOptions: 'supported',
  TmpfsOptions: 'supported',
  ImageOptions: 'unsupported',
  ClusterOptions: 'unsupported',
};
export const bindOptionFields: FieldTable = {
  Propagation: 'supported',
  NonRecursive: 'supported',
  CreateMountpoint: 'supported',
  ReadOnlyNonRecursive: 'unsupported',
  ReadOnlyForceRecursive: 'unsupported',
};
export const volumeOptionFields: FieldTable = {
  NoCopy: 'supported',
  Labels: 'supported',
  DriverConfig: 'supported',
  Subpath: 'supported',
};
export const driverConfigFields: FieldTable = { Name: 'supported', Options: 'unsupported' };
export const tmpfsOptionFields: FieldTable = { SizeBytes: 'supported', Mode: 'supported', Options: 'supported' };

export const networkingConfigFields: FieldTable = { EndpointsConfig: 'supported' };
export const endpointFields: FieldTable = {
  IPAMConfig: 'unsupported',
  Links: 'unsupported',
  Aliases: 'unsupported',
  MacAddress: 'supported',
  DriverOpts: 'unsupported',
  GwPriority: 'unsupported',
  // Answers' fields, which clients that copy an endpoint send back.
  NetworkID: 'ignored',
  EndpointID: 'ignored',
  Gateway: 'ignored',
  IPAddress: 'ignored',
  IPPrefixLen: 'ignored',
  IPv6Gateway: 'ignored',
  GlobalIPv6Address: 'ignored',
  GlobalIPv6PrefixLen: 'ignored',
  DNSNames: 'ignored',
};

export const execFields: FieldTable = {
  AttachStdin: 'supported',
  AttachStdout: 'supported',
  AttachStderr: 'supported',
  ConsoleSize: 'supported',
  DetachKeys: 'supported',
  Tty: 'supported',
  Env: 'supported',
  Cmd: 'supported',
  Privileged: 'supported',
  User: 'supported',
  WorkingDir: 'supported',
  // docker's own client sends it; the start request decides.
  Detach: 'ignored',
  // The Docker SDK for Python repeats the path's id.
  Container: 'ignored',
};
export const execStartFields: FieldTable = {
  Detach: 'supported',
  Tty: 'supported',
  ConsoleSize: 'supported',
  // dockerode repeats its own options in the body.
  hijack: 'ignored',
  stdin: 'ignored',
  stdout: 'ignored',
  stderr: 'ignored',
  stream: 'ignored',
  // The exec was created with them.
  detachKeys: 'ignored',
};

export const volumeCreateFields: FieldTable = {
  Name: 'supported',
  Driver: 'supported',
  DriverOpts: 'supported',
  Labels: 'supported',
  ClusterVolumeSpec: 'unsupported',
};
