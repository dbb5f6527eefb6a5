import { dirname, join } from 'node:path';
import { heldCapabilities } from '../kernel/index.ts';
import { resolveUser, type ResolvedUser, type RootFileReader, toOciResources } from '../runtime/index.ts';
import type { OciProcess, OciRuntimeConfiguration, OciSeccomp } from '../runtime/types.ts';
import { capabilitiesOf } from './capability-set.ts';
import { containerMounts, type ContainerFiles } from './container-mounts.ts';
import { containerDevices, parseDeviceRule } from './container-devices.ts';
import { containerNamespaces, type JoinedProcesses, validateSysctls } from './container-namespaces.ts';
import {
  defaultMaskedPaths,
  defaultReadOnlyPaths,
  defaultSeccomp,
  thermalThrottlePaths,
} from './sandbox-defaults/index.ts';
import { parseSeccompProfile } from './seccomp-profile.ts';
import { parseSecurityOptions, type SecurityOptions } from './security-options.ts';
import type { Container, ExecConfiguration, HostConfiguration } from './types.ts';
import { ulimitsToRlimits, type Ulimit } from './ulimits.ts';

export interface OciConfigurationInput {
  readonly container: Container;
  /** Where the root will be mounted: `root` in the container's state directory. */
  readonly rootPath: string;
  /** Name of the container's cgroup, e.g. "/corten-x/ID". */
  readonly cgroupsPath: string;
  readonly cgroupVersion: 1 | 2;
  /** Host PIDs of the containers whose namespaces are joined. */
  readonly joined: JoinedProcesses;
  /** Reads /etc/passwd and /etc/group of the root. */
  readonly readRootFile: RootFileReader;
  readonly defaultUlimits: readonly Ulimit[];
  /** Capabilities that can be given; the daemon's own unless a test says otherwise. */
  readonly heldCapabilities?: readonly string[];
}

/**
 * The policy of the sandbox: what a container may do and see, from what its user asked for. Pure apart from looking at
 * the host's device nodes. Throws invalid-argument for wishes that make no sense; the message names the option.
 */
export function buildOciConfiguration(input: OciConfigurationInput): OciRuntimeConfiguration {
  const { container, joined } = input;
  const { configuration, effective } = container;
  const { host } = configuration;
  const security = parseSecurityOptions(host.securityOptions);
  const capabilities = grantedCapabilities(host, input.heldCapabilities ?? heldCapabilities());
  const user = resolveUser(effective.user, host.groupsAdded, input.readRootFile);
  const namespaces = containerNamespaces(host, joined, input.cgroupVersion);
  validateSysctls(host.sysctls, namespaces);
  const ownUts = namespaces.some(({ type, path }) => type === 'uts' && path === undefined);
  const { devices, rules } = containerDevices(host);
  const seccomp = seccompOf(host, security, capabilities);
  const masked = host.privileged ? [] : (host.maskedPaths ?? [...defaultMaskedPaths, ...thermalThrottlePaths()]);
  const readOnly = host.privileged ? [] : (host.readOnlyPaths ?? defaultReadOnlyPaths);
  return {
    ociVersion: '1.2.0',
    ...(ownUts ? { hostname: effective.hostname } : {}),
    ...(ownUts && configuration.domainname !== '' ? { domainname: configuration.domainname } : {}),
    root: { path: input.rootPath, readonly: host.readOnlyRoot },
    process: containerProcess(input, user, capabilities, security),
    mounts: containerMounts({
      host,
      mounts: container.mounts,
      files: containerFiles(container),
      joined,
      writableCgroups: host.privileged || security.writableCgroups,
      shareableShm: join(dirname(input.rootPath), 'shm'),
    }),
    annotations: host.annotations,
    linux: {
      namespaces,
      devices,
      cgroupsPath: input.cgroupsPath,
      resources: {
        devices: [...rules, ...host.deviceCgroupRules.map(parseDeviceRule)],
        ...toOciResources(effectiveLimits(host)),
      },
      ...(seccomp === undefined ? {} : { seccomp }),
      sysctl: host.sysctls,
      maskedPaths: masked,
      readonlyPaths: readOnly,
      rootfsPropagation: rootPropagation(container.mounts),
    },
  };
}

/** A mount that is to see (slave) or share what the host mounts later needs a root that lets it. */
function rootPropagation(mounts: Container['mounts']): string {
  const wished = mounts.map(({ propagation }) => propagation.replace(/^r/, ''));
  return wished.includes('shared') ? 'shared' : wished.includes('slave') ? 'slave' : 'private';
}

function grantedCapabilities(host: HostConfiguration, held: readonly string[]): readonly string[] {
  return capabilitiesOf(
    { privileged: host.privileged, added: host.capabilitiesAdded, dropped: host.capabilitiesDropped },
    held,
  );
}

/** `--cpus` is a quota over the default period. */
function effectiveLimits(host: HostConfiguration) {
  if (host.nanoCpus <= 0) return host.resources;
  const period = 100_000;
  return {
    ...host.resources,
    cpuPeriodMicroseconds: period,
    cpuQuotaMicroseconds: Math.trunc((host.nanoCpus * period) / 1e9),
  };
}

function seccompOf(
  host: HostConfiguration,
  security: SecurityOptions,
  capabilities: readonly string[],
): OciSeccomp | undefined {
  if (security.seccomp === 'unconfined' || (host.privileged && security.seccomp === 'default')) return undefined;
  return security.seccomp === 'default'
    ? defaultSeccomp(capabilities)
    : parseSeccompProfile(security.seccomp, capabilities);
}

function containerFiles(container: Container): ContainerFiles {
  const { hosts, hostname, resolvConf } = container.files;
  return { hosts, hostname, resolvConf };
}

function containerProcess(
  input: OciConfigurationInput,
  user: ResolvedUser,
  capabilities: readonly string[],
  security: SecurityOptions,
): OciProcess {
  const { configuration, effective } = input.container;
  const { host } = configuration;
  return {
    ...terminalOf(configuration.tty, host.consoleSize),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: [effective.path, ...effective.args],
    env: environmentOf(effective.env, {
      hostname: effective.hostname,
      terminal: configuration.tty,
      home: user.home,
    }),
    cwd: effective.workingDirectory === '' ? '/' : effective.workingDirectory,
    capabilities: capabilitySets(capabilities),
    rlimits: ulimitsToRlimits(host.ulimits, input.defaultUlimits),
    noNewPrivileges: security.noNewPrivileges,
    oomScoreAdj: host.oomScoreAdjust,
  };
}

function terminalOf(tty: boolean, [height, width]: readonly [number, number]): Pick<OciProcess, 'terminal'> {
  if (!tty) return {};
  return { terminal: true, ...(height > 0 && width > 0 ? { consoleSize: { height, width } } : {}) };
}

/** The inheritable and the ambient set stay empty (CVE-2022-24769): only root, or a file with capabilities, gets any. */
function capabilitySets(capabilities: readonly string[]) {
  return { bounding: capabilities, effective: capabilities, permitted: capabilities, inheritable: [], ambient: [] };
}

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What every process gets, unless image or user set it: PATH, HOSTNAME, TERM with a terminal, HOME. */
function environmentOf(
  env: readonly string[],
  defaults: { readonly hostname: string; readonly terminal: boolean; readonly home: string },
): readonly string[] {
  const has = (name: string): boolean => env.some((entry) => entry.startsWith(`${name}=`));
  return [
    ...(has('PATH') ? [] : [defaultPath]),
    ...(has('HOSTNAME') ? [] : [`HOSTNAME=${defaults.hostname}`]),
    ...(defaults.terminal && !has('TERM') ? ['TERM=xterm'] : []),
    ...env,
    ...(has('HOME') ? [] : [`HOME=${defaults.home}`]),
  ];
}

export interface ExecProcessInput {
  readonly container: Container;
  /** The configuration that the container was started with. */
  readonly running: OciRuntimeConfiguration;
  readonly exec: ExecConfiguration;
  readonly readRootFile: RootFileReader;
  readonly heldCapabilities?: readonly string[];
}

/** The process of `docker exec`: the container's own settings, with what the exec overrides. */
export function buildExecProcess(input: ExecProcessInput): OciProcess {
  const { container, exec, running } = input;
  const { host } = container.configuration;
  const user = resolveUser(
    exec.user === '' ? container.effective.user : exec.user,
    host.groupsAdded,
    input.readRootFile,
  );
  const capabilities = exec.privileged
    ? (input.heldCapabilities ?? heldCapabilities())
    : (running.process.capabilities?.bounding ?? []);
  const overridden = new Set(exec.env.map((entry) => entry.split('=', 1)[0]));
  const inherited = container.effective.env.filter((entry) => !overridden.has(entry.split('=', 1)[0]));
  return {
    ...terminalOf(exec.tty, exec.consoleSize),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: exec.command,
    env: environmentOf([...inherited, ...exec.env], {
      hostname: container.effective.hostname,
      terminal: exec.tty,
      home: user.home,
    }),
    cwd: exec.workingDirectory !== '' ? exec.workingDirectory : running.process.cwd,
    capabilities: capabilitySets(capabilities),
    ...(running.process.rlimits === undefined ? {} : { rlimits: running.process.rlimits }),
    noNewPrivileges: running.process.noNewPrivileges ?? false,
    ...(running.process.oomScoreAdj === undefined ? {} : { oomScoreAdj: running.process.oomScoreAdj }),
  };
}
