import { posix } from 'node:path';
import { invalidArgument } from '../base/index.ts';
import type { OciMount } from '../runtime/types.ts';
import type { JoinedProcesses } from './container-namespaces.ts';
import { defaultMounts, defaultShmSizeBytes } from './sandbox-defaults/index.ts';
import type { HostConfiguration, MountPoint } from './types.ts';

/** Host files that the engine writes for a container; "" where it has none. */
export interface ContainerFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export interface ContainerMountsInput {
  readonly host: HostConfiguration;
  readonly mounts: readonly MountPoint[];
  readonly files: ContainerFiles;
  readonly joined: JoinedProcesses;
  readonly writableCgroups: boolean;
  /** Host directory for a /dev/shm that other containers may join. */
  readonly shareableShm: string;
}

/**
 * All mounts of a container in the order in which they are made: a mount inside another one comes after it. What the
 * user mounts replaces a default at the same place.
 */
export function containerMounts(input: ContainerMountsInput): readonly OciMount[] {
  const { host, mounts, files, joined } = input;
  const own = [...mounts.map((mount) => userMount(mount)), ...tmpfsMounts(host)];
  for (const { destination } of own) refuseBelowProc(normalise(destination));
  const taken = new Set(own.map(({ destination }) => normalise(destination)));
  const hostIpc = host.ipcMode === 'host';
  const joinedIpc = host.ipcMode.startsWith('container:');
  const shareable = host.ipcMode === 'shareable';
  const shmSizeBytes = host.shmSizeBytes > 0 ? host.shmSizeBytes : defaultShmSizeBytes;
  const defaults = [
    ...defaultMounts({
      privileged: host.privileged,
      writableCgroups: input.writableCgroups,
      shmSizeBytes,
      ownShm: !hostIpc && !joinedIpc && !shareable && host.ipcMode !== 'none',
    }),
    ...(hostIpc ? [bind('/dev/shm', '/dev/shm', ['rw'])] : []),
    // The runtime mounts the source with the options that are none of a bind mount.
    ...(shareable
      ? [
          bind(input.shareableShm, '/dev/shm', [
            ...['rw', 'nosuid', 'noexec', 'nodev', 'mode=1777'],
            `size=${shmSizeBytes}`,
          ]),
        ]
      : []),
    ...(joinedIpc && joined.ipc !== undefined
      ? [bind(`/proc/${joined.ipc}/root/dev/shm`, '/dev/shm', ['rw', 'nosuid', 'noexec', 'nodev'])]
      : []),
    ...fileMounts(files, host.readOnlyRoot),
  ].filter(({ destination }) => !taken.has(destination));
  const last = new Map(own.map((mount) => [normalise(mount.destination), mount]));
  // By depth, then by name: "/a" before "/a/b", whichever was asked for first.
  const sorted = [...last.values()].sort(
    (a, b) => depth(a.destination) - depth(b.destination) || (a.destination < b.destination ? -1 : 1),
  );
  return [...defaults, ...sorted];
}

/** Files of /proc that may be replaced by ones that tell a container about itself, as lxcfs makes them. */
const replaceableProcFiles = new Set([
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/loadavg',
  '/proc/meminfo',
  '/proc/net/dev',
  '/proc/slabinfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/sys/crypto/fips_enabled',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/uptime',
]);

/** A mount over /proc, or inside it, fakes what security labels and sysctls are written to (CVE-2019-16884). */
function refuseBelowProc(destination: string): void {
  if (destination !== '/proc' && !destination.startsWith('/proc/')) return;
  if (replaceableProcFiles.has(destination)) return;
  throw invalidArgument('mount-inside-proc', `"${destination}" cannot be mounted because it is inside /proc`);
}

const normalise = (path: string): string => posix.normalize(path).replace(/(.)\/$/, '$1');

const depth = (path: string): number => path.split('/').filter((part) => part !== '').length;

function bind(source: string, destination: string, options: readonly string[]): OciMount {
  return { type: 'bind', source, destination, options: ['rbind', 'rprivate', ...options] };
}

function fileMounts(files: ContainerFiles, readOnly: boolean): readonly OciMount[] {
  const access = readOnly ? ['ro'] : ['rw'];
  const places: readonly (readonly [source: string, destination: string])[] = [
    [files.resolvConf, '/etc/resolv.conf'],
    [files.hostname, '/etc/hostname'],
    [files.hosts, '/etc/hosts'],
  ];
  return places
    .filter(([source]) => source !== '')
    .map(([source, destination]) => ({
      type: 'bind',
      source,
      destination,
      options: ['bind', 'rprivate', ...access],
    }));
}

function userMount(mount: MountPoint): OciMount {
  if (mount.type === 'tmpfs') return tmpfs(mount.target, mount.options, mount.readOnly);
  const propagation = mount.propagation === '' ? 'rprivate' : mount.propagation;
  return {
    type: 'bind',
    source: mount.source,
    destination: mount.target,
    options: [mount.recursive ? 'rbind' : 'bind', propagation, mount.readOnly ? 'ro' : 'rw'],
  };
}

/** Docker's rule: not executable, no devices, no setuid, unless the options say so. */
function tmpfs(destination: string, options: readonly string[], readOnly: boolean): OciMount {
  return {
    type: 'tmpfs',
    source: 'tmpfs',
    destination,
    options: ['nosuid', 'nodev', 'noexec', ...options.filter((option) => option !== ''), ...(readOnly ? ['ro'] : [])],
  };
}

function tmpfsMounts(host: HostConfiguration): readonly OciMount[] {
  return Object.entries(host.tmpfs).map(([target, options]) => tmpfs(target, options.split(','), false));
}
