import { invalidArgument, notImplemented } from '../../../base/index.ts';
import type {
  DeviceMapping,
  HostConfiguration,
  LogConfiguration,
  RestartPolicy,
  RestartPolicyName,
} from '../../../engine/types.ts';
import type { ResourceLimits } from '../../../runtime/types.ts';
import { deviceFields, hostConfigFields, logConfigFields, restartPolicyFields, ulimitFields } from './field-tables.ts';
import { boolean, fields, integer, list, object, optional, string, stringMap, strings } from './fields.ts';
import { mount, volumeDriver } from './mounts.ts';
import { portBindings } from './ports.ts';
import { nanoCpus, resourceLimits } from './resources.ts';

const restartPolicyNames: readonly RestartPolicyName[] = ['no', 'always', 'on-failure', 'unless-stopped'];

export function restartPolicy(value: unknown, path: string): RestartPolicy {
  const given = fields(value, path, restartPolicyFields);
  const name = string(given['Name'], `${path}.Name`) || 'no';
  const maximumRetryCount = integer(given['MaximumRetryCount'], `${path}.MaximumRetryCount`);
  const known = restartPolicyNames.find((candidate) => candidate === name);
  if (known === undefined) {
    throw invalidArgument(
      'invalid-restart-policy',
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (maximumRetryCount < 0) {
    throw invalidArgument('invalid-restart-policy', 'invalid restart policy: maximum retry count cannot be negative');
  }
  if (maximumRetryCount > 0 && known !== 'on-failure') {
    throw invalidArgument(
      'invalid-restart-policy',
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
  }
  return { name: known, maximumRetryCount };
}

function logConfiguration(value: unknown, path: string): LogConfiguration {
  const given = fields(value, path, logConfigFields);
  const type = string(given['Type'], `${path}.Type`);
  const options = stringMap(given['Config'], `${path}.Config`);
  switch (type) {
    case '':
    case 'json-file':
      return { driver: 'json-file', options };
    case 'local':
    case 'none':
      return { driver: type, options };
    default:
      throw invalidArgument('unsupported-log-driver', `logger: no log driver named '${type}' is registered`, {
        hint: 'json-file, local and none exist',
      });
  }
}

function device(value: unknown, path: string): DeviceMapping {
  const given = fields(value, path, deviceFields);
  const hostPath = string(given['PathOnHost'], `${path}.PathOnHost`);
  const permissions = string(given['CgroupPermissions'], `${path}.CgroupPermissions`) || 'rwm';
  if (hostPath === '') throw invalidArgument('invalid-device', `${path}.PathOnHost must not be empty`);
  if (!/^[rwm]{1,3}$/.test(permissions)) {
    throw invalidArgument('invalid-device', `invalid device permissions "${permissions}": a subset of rwm`);
  }
  return {
    hostPath,
    containerPath: string(given['PathInContainer'], `${path}.PathInContainer`) || hostPath,
    permissions,
  };
}

function ulimit(value: unknown, path: string): { readonly name: string; readonly soft: number; readonly hard: number } {
  const given = fields(value, path, ulimitFields);
  return {
    name: string(given['Name'], `${path}.Name`),
    soft: integer(given['Soft'], `${path}.Soft`),
    hard: integer(given['Hard'], `${path}.Hard`),
  };
}

/** [height, width] of a client's terminal. */
export function consoleSize(value: unknown, path: string): readonly [number, number] | undefined {
  if (value === undefined || value === null) return undefined;
  const [rows = 0, columns = 0, ...rest] = list(value, path, integer);
  if (rest.length > 0 || rows < 0 || columns < 0 || rows > 65535 || columns > 65535) {
    throw invalidArgument('invalid-console-size', `${path} must be [height, width]`);
  }
  return [rows, columns];
}

function onlyDefault(value: unknown, path: string, accepted: readonly string[]): void {
  const given = string(value, path);
  if (!accepted.includes(given)) {
    throw notImplemented('unsupported-field', `${path} "${given}" is not supported`);
  }
}

/** 0 and -1 say "no limit", which at creation is the same as saying nothing: docker's client always sends 0. */
function createdLimits(limits: ResourceLimits): ResourceLimits {
  const { pidsLimit, ...others } = limits;
  return pidsLimit === undefined || pidsLimit <= 0 ? others : limits;
}

/** @throws invalid-argument for wrong types and values, not-implemented `unsupported-field` for fields that we cannot honour */
export function hostConfiguration(value: unknown, endpointMacAddress: string): HostConfiguration {
  const path = 'HostConfig';
  const given = fields(value, path, hostConfigFields);
  const text = (name: string): string => string(given[name], `${path}.${name}`);
  const texts = (name: string): readonly string[] => strings(given[name], `${path}.${name}`);
  const truth = (name: string): boolean => boolean(given[name], `${path}.${name}`);
  volumeDriver(text('VolumeDriver'));
  onlyDefault(given['Runtime'], `${path}.Runtime`, ['', 'corten', 'runc', 'io.containerd.runc.v2']);
  onlyDefault(given['Isolation'], `${path}.Isolation`, ['', 'default']);
  const shmSizeBytes = integer(given['ShmSize'], `${path}.ShmSize`);
  if (shmSizeBytes < 0) throw invalidArgument('invalid-shm-size', 'SHM size can not be less than 0');
  return {
    binds: texts('Binds'),
    mounts: list(given['Mounts'], `${path}.Mounts`, mount),
    volumesFrom: texts('VolumesFrom'),
    tmpfs: stringMap(given['Tmpfs'], `${path}.Tmpfs`),
    portBindings: portBindings(given['PortBindings'], `${path}.PortBindings`),
    publishAllPorts: truth('PublishAllPorts'),
    networkMode: text('NetworkMode') || 'default',
    macAddress: endpointMacAddress,
    pidMode: text('PidMode'),
    ipcMode: text('IpcMode'),
    utsMode: text('UTSMode'),
    cgroupnsMode: text('CgroupnsMode'),
    usernsMode: text('UsernsMode'),
    cgroupParent: text('CgroupParent'),
    restartPolicy: restartPolicy(given['RestartPolicy'], `${path}.RestartPolicy`),
    autoRemove: truth('AutoRemove'),
    log: logConfiguration(given['LogConfig'], `${path}.LogConfig`),
    init: optional(given['Init'], `${path}.Init`, boolean),
    privileged: truth('Privileged'),
    readOnlyRoot: truth('ReadonlyRootfs'),
    capabilitiesAdded: texts('CapAdd'),
    capabilitiesDropped: texts('CapDrop'),
    securityOptions: texts('SecurityOpt'),
    groupsAdded: texts('GroupAdd'),
    dns: texts('Dns'),
    dnsSearch: texts('DnsSearch'),
    dnsOptions: texts('DnsOptions'),
    extraHosts: texts('ExtraHosts'),
    sysctls: stringMap(given['Sysctls'], `${path}.Sysctls`),
    ulimits: list(given['Ulimits'], `${path}.Ulimits`, ulimit),
    shmSizeBytes,
    oomScoreAdjust: integer(given['OomScoreAdj'], `${path}.OomScoreAdj`),
    devices: list(given['Devices'], `${path}.Devices`, device),
    deviceCgroupRules: texts('DeviceCgroupRules'),
    maskedPaths: optional(given['MaskedPaths'], `${path}.MaskedPaths`, strings),
    readOnlyPaths: optional(given['ReadonlyPaths'], `${path}.ReadonlyPaths`, strings),
    annotations: stringMap(given['Annotations'], `${path}.Annotations`),
    consoleSize: consoleSize(given['ConsoleSize'], `${path}.ConsoleSize`) ?? [0, 0],
    resources: createdLimits(resourceLimits(given, path)),
    nanoCpus: nanoCpus(given, path),
    raw: object(value, path),
  };
}
