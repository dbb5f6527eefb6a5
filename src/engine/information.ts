import { readFile } from 'node:fs/promises';
import { availableParallelism, hostname, machine, release } from 'node:os';
import type { CgroupCapabilities } from '../kernel/index.ts';
import { hostMemoryBytes, readSysctl } from '../kernel/index.ts';
import type { Container, SystemInformation } from './types.ts';

/** What is asked of the host once, when the daemon starts. */
export interface HostFacts {
  readonly name: string;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  /** As uname has it: "x86_64". */
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly cgroups: CgroupCapabilities;
}

export async function readHostFacts(cgroups: CgroupCapabilities): Promise<HostFacts> {
  return {
    name: hostname(),
    kernelVersion: release(),
    operatingSystem: await operatingSystem(),
    architecture: machine(),
    cpus: availableParallelism(),
    memoryBytes: hostMemoryBytes(),
    cgroups,
  };
}

/** os-release(5): PRETTY_NAME of /etc/os-release, else of /usr/lib/os-release, else "Linux". */
async function operatingSystem(): Promise<string> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const text = await readFile(path, 'utf8').catch(() => '');
    const value = /^PRETTY_NAME=(.*)$/m.exec(text)?.[1]?.trim();
    if (value !== undefined && value !== '') return value.replace(/^(["'])(.*)\1$/, '$2');
  }
  return 'Linux';
}

export interface InformationDependencies {
  /** Names this daemon for good. */
  readonly id: string;
  readonly host: HostFacts;
  readonly containers: readonly Container[];
  readonly images: number;
  readonly dataRoot: string;
  readonly loggingDriver: string;
  readonly labels: readonly string[];
  readonly debug: boolean;
  readonly eventListeners: number;
}

export function systemInformation(dependencies: InformationDependencies): SystemInformation {
  const { host, containers } = dependencies;
  const count = (...statuses: readonly string[]): number =>
    containers.filter(({ state }) => statuses.includes(state.status)).length;
  const running = count('running', 'restarting');
  const paused = count('paused');
  return {
    id: dependencies.id,
    name: host.name,
    containers: { total: containers.length, running, paused, stopped: containers.length - running - paused },
    images: dependencies.images,
    kernelVersion: host.kernelVersion,
    operatingSystem: host.operatingSystem,
    architecture: host.architecture,
    cpus: host.cpus,
    memoryBytes: host.memoryBytes,
    cgroupVersion: host.cgroups.version,
    cgroupControllers: host.cgroups.controllers,
    dataRoot: dependencies.dataRoot,
    storageDriver: 'overlay2',
    loggingDriver: dependencies.loggingDriver,
    securityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
    labels: dependencies.labels,
    debug: dependencies.debug,
    eventListeners: dependencies.eventListeners,
    warnings: warnings(host.cgroups),
  };
}

/** Docker's words for what this host cannot do. */
function warnings(cgroups: CgroupCapabilities): string[] {
  const lacks: [boolean, string][] = [
    [cgroups.memoryLimit, 'No memory limit support'],
    [cgroups.swapLimit, 'No swap limit support'],
    [cgroups.cpuCfs, 'No cpu cfs quota support'],
    [cgroups.cpuShares, 'No cpu shares support'],
    [cgroups.cpuset, 'No cpuset support'],
    [cgroups.pids, 'No pids limit support'],
    [readSysctl('net/ipv4/ip_forward') === '1', 'IPv4 forwarding is disabled'],
  ];
  return lacks.filter(([present]) => !present).map(([, text]) => `WARNING: ${text}`);
}
