import { usageFailure } from '../failure.ts';
import type { FlagValues } from '../flag-values.ts';
import { parseEnvironment, parseLabels, parsePairs } from '../values/environment.ts';
import {
  checkDeviceCgroupRule,
  type NetworkAttachment,
  parseDevice,
  parseExtraHost,
  parseNetwork,
  parseRestart,
  parseSecurityOption,
  parseThrottle,
  parseUlimit,
} from '../values/host-options.ts';
import { parseMount, parseTmpfs, parseVolumes } from '../values/mounts.ts';
import { parsePorts } from '../values/ports.ts';
import { durationFlag } from '../values/quantities.ts';
import { resources } from './resources.ts';

type Mutable = Record<string, unknown>;

/** The streams that the command attaches to. */
export interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface CreateRequest {
  /** Body of POST /containers/create. */
  readonly body: Mutable & { HostConfig: Mutable };
  readonly image: string;
  readonly streams: Streams;
  readonly tty: boolean;
}

/** Sets `field` of `target` when `value` says something. */
function put(target: Mutable, field: string, value: unknown): void {
  if (value === undefined || value === false) return;
  if (Array.isArray(value) && value.length === 0) return;
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return;
  target[field] = value;
}

function chosenStreams(flags: FlagValues, detached: boolean): Streams {
  const interactive = flags.boolean('interactive');
  const given = flags.list('attach').map((name) => name.toLowerCase());
  for (const name of given) {
    if (!['stdin', 'stdout', 'stderr'].includes(name)) {
      throw usageFailure(`invalid argument "${name}" for --attach: valid streams are STDIN, STDOUT and STDERR`);
    }
  }
  if (detached) {
    if (given.length > 0) throw usageFailure('conflicting options: cannot specify both --attach and --detach');
    return { stdin: false, stdout: false, stderr: false };
  }
  if (given.length > 0) {
    return { stdin: given.includes('stdin'), stdout: given.includes('stdout'), stderr: given.includes('stderr') };
  }
  return { stdin: interactive, stdout: true, stderr: true };
}

function healthcheck(flags: FlagValues): Mutable | undefined {
  const timed = ['health-interval', 'health-timeout', 'health-start-period', 'health-start-interval'] as const;
  const given = ['health-cmd', 'health-retries', ...timed].some((name) => flags.has(name));
  if (flags.boolean('no-healthcheck')) {
    if (given) throw usageFailure('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!given) return undefined;
  const result: Mutable = {};
  const command = flags.text('health-cmd');
  if (command !== undefined && command !== '') result['Test'] = ['CMD-SHELL', command];
  const fields = ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'];
  for (const [index, name] of timed.entries()) {
    const value = flags.text(name);
    if (value === undefined) continue;
    const nanoseconds = durationFlag(value, name);
    if (nanoseconds < 0) throw usageFailure(`--${name} cannot be negative`);
    result[fields[index] ?? ''] = nanoseconds;
  }
  const retries = flags.integer('health-retries');
  if (retries !== undefined) {
    if (retries < 0) throw usageFailure('--health-retries cannot be negative');
    result['Retries'] = retries;
  }
  return result;
}

function configuration(flags: FlagValues, operands: readonly string[], streams: Streams): Mutable {
  const [image = '', ...command] = operands;
  const interactive = flags.boolean('interactive');
  const result: Mutable = {
    Image: image,
    AttachStdin: streams.stdin,
    AttachStdout: streams.stdout,
    AttachStderr: streams.stderr,
    Tty: flags.boolean('tty'),
    OpenStdin: interactive,
    StdinOnce: interactive && streams.stdin,
    Env: parseEnvironment(flags.list('env'), flags.list('env-file')),
    Labels: parseLabels(flags.list('label'), flags.list('label-file')),
  };
  put(result, 'Cmd', command);
  const entrypoint = flags.text('entrypoint');
  if (entrypoint !== undefined) result['Entrypoint'] = [entrypoint];
  put(result, 'Hostname', flags.text('hostname'));
  put(result, 'Domainname', flags.text('domainname'));
  put(result, 'User', flags.text('user'));
  put(result, 'WorkingDir', flags.text('workdir'));
  put(result, 'StopSignal', flags.text('stop-signal'));
  put(result, 'StopTimeout', flags.integer('stop-timeout'));
  put(result, 'Healthcheck', healthcheck(flags));
  put(result, 'MacAddress', flags.text('mac-address'));
  return result;
}

function throttles(flags: FlagValues, host: Mutable): void {
  for (const [flag, field, inBytes] of [
    ['device-read-bps', 'BlkioDeviceReadBps', true],
    ['device-write-bps', 'BlkioDeviceWriteBps', true],
    ['device-read-iops', 'BlkioDeviceReadIOps', false],
    ['device-write-iops', 'BlkioDeviceWriteIOps', false],
  ] as const) {
    put(
      host,
      field,
      flags.list(flag).map((one) => parseThrottle(one, flag, inBytes)),
    );
  }
  const weights = flags.list('blkio-weight-device').map((one) => parseThrottle(one, 'blkio-weight-device', false));
  put(
    host,
    'BlkioWeightDevice',
    weights.map(({ Path, Rate }) => ({ Path, Weight: Rate })),
  );
}

function hostConfiguration(flags: FlagValues): Mutable {
  const host: Mutable = resources(flags);
  const texts: readonly (readonly [string, string])[] = [
    ['pid', 'PidMode'],
    ['ipc', 'IpcMode'],
    ['uts', 'UTSMode'],
    ['cgroupns', 'CgroupnsMode'],
    ['userns', 'UsernsMode'],
    ['cgroup-parent', 'CgroupParent'],
    ['runtime', 'Runtime'],
    ['isolation', 'Isolation'],
    ['volume-driver', 'VolumeDriver'],
  ];
  for (const [flag, field] of texts) put(host, field, flags.text(flag));
  put(host, 'AutoRemove', flags.boolean('rm'));
  put(host, 'Privileged', flags.boolean('privileged'));
  put(host, 'ReadonlyRootfs', flags.boolean('read-only'));
  put(host, 'PublishAllPorts', flags.boolean('publish-all'));
  put(host, 'OomKillDisable', flags.boolean('oom-kill-disable'));
  if (flags.has('init')) host['Init'] = flags.boolean('init');
  put(host, 'CapAdd', flags.list('cap-add'));
  put(host, 'CapDrop', flags.list('cap-drop'));
  put(host, 'GroupAdd', flags.list('group-add'));
  put(host, 'VolumesFrom', flags.list('volumes-from'));
  put(host, 'Links', flags.list('link'));
  put(host, 'Dns', flags.list('dns'));
  put(host, 'DnsSearch', flags.list('dns-search'));
  put(host, 'DnsOptions', [...flags.list('dns-option'), ...flags.list('dns-opt')]);
  put(host, 'ExtraHosts', flags.list('add-host').map(parseExtraHost));
  put(host, 'SecurityOpt', flags.list('security-opt').map(parseSecurityOption));
  put(host, 'Ulimits', flags.list('ulimit').map(parseUlimit));
  put(host, 'Devices', flags.list('device').map(parseDevice));
  put(host, 'DeviceCgroupRules', flags.list('device-cgroup-rule').map(checkDeviceCgroupRule));
  put(host, 'Sysctls', parsePairs(flags.list('sysctl'), 'sysctl'));
  put(host, 'StorageOpt', parsePairs(flags.list('storage-opt'), 'storage-opt'));
  put(host, 'Annotations', parsePairs(flags.list('annotation'), 'annotation'));
  put(host, 'Tmpfs', parseTmpfs(flags.list('tmpfs')));
  put(host, 'Mounts', flags.list('mount').map(parseMount));
  throttles(flags, host);
  const driver = flags.text('log-driver');
  const logOptions = parsePairs(flags.list('log-opt'), 'log-opt');
  if (driver === 'none' && Object.keys(logOptions).length > 0) {
    throw usageFailure(`invalid logging opts for driver ${driver}`);
  }
  put(host, 'LogConfig', {
    ...(driver === undefined ? {} : { Type: driver }),
    ...(Object.keys(logOptions).length === 0 ? {} : { Config: logOptions }),
  });
  const restart = flags.text('restart');
  if (restart !== undefined) {
    const policy = parseRestart(restart);
    if (flags.boolean('rm') && policy.Name !== 'no' && policy.Name !== '') {
      throw usageFailure('conflicting options: cannot specify both --restart and --rm');
    }
    host['RestartPolicy'] = policy;
  }
  return host;
}

function endpointSettings(attachment: NetworkAttachment, flags: FlagValues, first: boolean): Mutable {
  const settings: Mutable = {};
  const addresses: Mutable = {};
  put(addresses, 'IPv4Address', attachment.ip ?? (first ? flags.text('ip') : undefined));
  put(addresses, 'IPv6Address', attachment.ip6 ?? (first ? flags.text('ip6') : undefined));
  put(addresses, 'LinkLocalIPs', first ? flags.list('link-local-ip') : []);
  put(settings, 'IPAMConfig', addresses);
  const aliases = first ? [...flags.list('network-alias'), ...flags.list('net-alias')] : [];
  put(settings, 'Aliases', [...attachment.aliases, ...aliases]);
  put(settings, 'Links', first ? flags.list('link') : []);
  put(settings, 'MacAddress', attachment.macAddress ?? (first ? flags.text('mac-address') : undefined));
  put(settings, 'DriverOpts', attachment.driverOptions);
  return settings;
}

/** Turns the flags of `create` and `run` into the request; everything that can be wrong without the daemon is found here. */
export function createRequest(
  flags: FlagValues,
  operands: readonly string[],
  options: { readonly detached: boolean; readonly consoleSize: readonly [number, number] | undefined },
): CreateRequest {
  const streams = chosenStreams(flags, options.detached);
  const config = configuration(flags, operands, streams);
  const host = hostConfiguration(flags);
  const ports = parsePorts(flags.list('publish'), flags.list('expose'));
  put(config, 'ExposedPorts', ports.exposed);
  put(host, 'PortBindings', ports.bindings);
  const volumes = parseVolumes(flags.list('volume'));
  put(config, 'Volumes', volumes.anonymous);
  put(host, 'Binds', volumes.binds);
  const networks = [...flags.list('network'), ...flags.list('net')].map(parseNetwork);
  const given = networks.length > 0;
  if (!given) networks.push(parseNetwork('default'));
  host['NetworkMode'] = networks[0]?.name ?? 'default';
  if (options.consoleSize !== undefined) host['ConsoleSize'] = options.consoleSize;
  const endpoints: Mutable = {};
  for (const [index, one] of networks.entries()) {
    const settings = endpointSettings(one, flags, index === 0);
    if (networks.length > 1 || Object.keys(settings).length > 0) endpoints[one.name] = settings;
  }
  return {
    body: {
      ...config,
      HostConfig: host,
      ...(Object.keys(endpoints).length === 0 ? {} : { NetworkingConfig: { EndpointsConfig: endpoints } }),
    },
    image: operands[0] ?? '',
    streams,
    tty: flags.boolean('tty'),
  };
}
