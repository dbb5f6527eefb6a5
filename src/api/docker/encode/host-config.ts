import { defaultMaskedPaths, defaultReadOnlyPaths } from '../../../engine/index.ts';
import type { Container, HostConfiguration } from '../../../engine/types.ts';
import { networkModeText } from './endpoint.ts';

const orNull = <T>(values: readonly T[]): readonly T[] | null => (values.length === 0 ? null : values);

function portBindings(host: HostConfiguration): object {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const binding of host.portBindings) {
    const key = `${binding.containerPort}/${binding.protocol}`;
    (bindings[key] ??= []).push({ HostIp: binding.hostAddress, HostPort: binding.hostPort });
  }
  return bindings;
}

function resources(host: HostConfiguration): object {
  const limits = host.resources;
  return {
    CpuShares: limits.cpuShares ?? 0,
    Memory: limits.memoryBytes ?? 0,
    NanoCpus: host.nanoCpus,
    CgroupParent: host.cgroupParent,
    BlkioWeight: limits.blkioWeight ?? 0,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    BlkioDeviceWriteBps: [],
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [],
    CpuPeriod: limits.cpuPeriodMicroseconds ?? 0,
    CpuQuota: limits.cpuQuotaMicroseconds ?? 0,
    CpuRealtimePeriod: limits.cpuRealtimePeriodMicroseconds ?? 0,
    CpuRealtimeRuntime: limits.cpuRealtimeRuntimeMicroseconds ?? 0,
    CpusetCpus: limits.cpusetCpus ?? '',
    CpusetMems: limits.cpusetMems ?? '',
    Devices: host.devices.map((device) => ({
      PathOnHost: device.hostPath,
      PathInContainer: device.containerPath,
      CgroupPermissions: device.permissions,
    })),
    DeviceCgroupRules: orNull(host.deviceCgroupRules),
    DeviceRequests: null,
    MemoryReservation: limits.memoryReservationBytes ?? 0,
    MemorySwap: limits.memorySwapBytes ?? 0,
    MemorySwappiness: limits.memorySwappiness ?? null,
    OomKillDisable: limits.oomKillDisable ?? null,
    PidsLimit: limits.pidsLimit ?? null,
    Ulimits: orNull(host.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }))),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

/** HostConfig of inspect: every field with the value in force; Mounts and ContainerIDFile as the client sent them. */
export function hostConfig(container: Container): object {
  const { host } = container.configuration;
  return {
    Binds: orNull(host.binds),
    ContainerIDFile: typeof host.raw['ContainerIDFile'] === 'string' ? host.raw['ContainerIDFile'] : '',
    LogConfig: { Type: host.log.driver, Config: host.log.options },
    NetworkMode: networkModeText(host.networkMode),
    PortBindings: portBindings(host),
    RestartPolicy: { Name: host.restartPolicy.name, MaximumRetryCount: host.restartPolicy.maximumRetryCount },
    AutoRemove: host.autoRemove,
    VolumeDriver: typeof host.raw['VolumeDriver'] === 'string' ? host.raw['VolumeDriver'] : '',
    VolumesFrom: orNull(host.volumesFrom),
    ConsoleSize: host.consoleSize,
    ...(Object.keys(host.annotations).length === 0 ? {} : { Annotations: host.annotations }),
    CapAdd: orNull(host.capabilitiesAdded),
    CapDrop: orNull(host.capabilitiesDropped),
    CgroupnsMode: host.cgroupnsMode || 'private',
    Dns: host.dns,
    DnsOptions: host.dnsOptions,
    DnsSearch: host.dnsSearch,
    ExtraHosts: orNull(host.extraHosts),
    GroupAdd: orNull(host.groupsAdded),
    IpcMode: host.ipcMode || 'private',
    Cgroup: '',
    Links: null,
    OomScoreAdj: host.oomScoreAdjust,
    PidMode: host.pidMode,
    Privileged: host.privileged,
    PublishAllPorts: host.publishAllPorts,
    ReadonlyRootfs: host.readOnlyRoot,
    SecurityOpt: orNull(host.securityOptions),
    ...(Object.keys(host.tmpfs).length === 0 ? {} : { Tmpfs: host.tmpfs }),
    ...(host.mounts.length === 0 ? {} : { Mounts: host.raw['Mounts'] ?? [] }),
    UTSMode: host.utsMode,
    UsernsMode: host.usernsMode,
    ShmSize: host.shmSizeBytes || 64 * 1024 * 1024,
    ...(Object.keys(host.sysctls).length === 0 ? {} : { Sysctls: host.sysctls }),
    Runtime: 'corten',
    Isolation: '',
    ...(host.init === undefined ? {} : { Init: host.init }),
    ...resources(host),
    // What is in force: a privileged container has neither.
    MaskedPaths: host.privileged ? null : (host.maskedPaths ?? defaultMaskedPaths),
    ReadonlyPaths: host.privileged ? null : (host.readOnlyPaths ?? defaultReadOnlyPaths),
  };
}
