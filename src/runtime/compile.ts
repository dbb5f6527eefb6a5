import { constants, openSync } from 'node:fs';
import { internal, invalidArgument, notImplemented } from '../base/index.ts';
import {
  capabilityMask,
  type CgroupManager,
  type CgroupView,
  compileSeccomp,
  ownOomScoreAdjust,
} from '../kernel/index.ts';
import { parseMountOptions, isPropagation } from './mount-options.ts';
import type { OciDevice, OciMount, OciProcess, OciRuntimeConfiguration, OciSeccomp } from './oci.ts';
import type {
  DescriptorIndex,
  LaunchPlan,
  MonitorSetup,
  MountAttributes,
  NamespaceKind,
  PlanOperation,
  Propagation,
} from './plan.ts';
import { rlimitNumber, rlimitValue } from './rlimits.ts';
import type { RootFilesystem } from './types.ts';

/** The descriptors a plan refers to: a table of open files with their place in it. */
export class DescriptorTable {
  readonly numbers: number[] = [];

  add(descriptor: number): DescriptorIndex {
    const known = this.numbers.indexOf(descriptor);
    return known >= 0 ? known : this.numbers.push(descriptor) - 1;
  }
}

/** How a process gets into its control groups: on v2 it is cloned into an opened directory, on v1 it has to join. */
export type CgroupEntry = { readonly directories: readonly string[] } | { readonly descriptor: number };

/** Opens the group on v2; `keep` is told what has to be closed. */
export function openCgroups(manager: CgroupManager, path: string, keep: (descriptor: number) => number): CgroupEntry {
  const directories = manager.directories(path);
  const [directory] = directories;
  if (manager.version === 1 || directory === undefined) return { directories };
  return { descriptor: keep(openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)) };
}

function cgroupPlan(entry: CgroupEntry, descriptors: DescriptorTable) {
  if ('descriptor' in entry) return { joins: [], launch: { cloneIntoCgroup: descriptors.add(entry.descriptor) } };
  const joins: readonly PlanOperation[] = [{ op: 'join-cgroups', directories: entry.directories }];
  return { joins, launch: {} };
}

export interface CompileRequest {
  readonly configuration: OciRuntimeConfiguration;
  readonly root: RootFilesystem;
  /** Existing host directory on which the root is mounted, inside the new mount namespace only. */
  readonly mountPoint: string;
  readonly volatile: boolean;
  readonly init: boolean;
  readonly monitor: MonitorSetup;
  readonly descriptors: DescriptorTable;
  readonly cgroups: CgroupEntry;
  /** What a mount of type "cgroup" shows. */
  readonly cgroupView: CgroupView;
  /** Open file for a bind mount whose source must not be looked up as a path of the host; undefined for the others. */
  readonly openSource: (source: string) => number | undefined;
  /** Open files of namespaces that are joined rather than created. */
  readonly joinedNamespaces: ReadonlyMap<NamespaceKind, number>;
}

/** Namespaces that clone3 creates at once; cgroup and time are entered by unshare, once the process is in place. */
const cloned = new Set<NamespaceKind>(['mount', 'pid', 'network', 'ipc', 'uts']);

/**
 * Writes an OCI runtime configuration out as the operations that carry it through, in the one order that the kernel
 * allows. Throws invalid-argument for what no kernel can do; nothing has been made by then.
 */
export function compileLaunch(request: CompileRequest): LaunchPlan {
  const { configuration, descriptors, joinedNamespaces } = request;
  const { linux, process } = configuration;
  const created = linux.namespaces
    .filter(({ type, path }) => path === undefined && !joinedNamespaces.has(type))
    .map(({ type }) => type);
  if (created.includes('user') || joinedNamespaces.has('user')) {
    throw notImplemented('user-namespaces', 'user namespaces for containers are not supported yet');
  }
  if (!created.includes('mount')) {
    throw invalidArgument('mount-namespace-required', 'a container needs a mount namespace of its own');
  }
  const pidNamespace = joinedNamespaces.get('pid');
  const cgroups = cgroupPlan(request.cgroups, descriptors);
  const rootPropagation = rootPropagationOf(linux.rootfsPropagation);
  const operations: PlanOperation[] = [
    // First of all: everything that follows is charged to the container, and the cgroup namespace takes the group
    // that its creator is in as its root.
    ...cgroups.joins,
    // Before any mount: sysfs shows the network namespace, mqueue the IPC namespace, of whoever mounts it.
    ...joinOperations(joinedNamespaces, descriptors),
    ...unshareOperations(created),
    // Cuts the new mount namespace off before the first mount, which would otherwise appear on the host.
    { op: 'root-propagation', propagation: rootPropagation.whileMounting },
    rootOperation(request),
    ...configuration.mounts.flatMap((mount) => mountOperations(mount, request)),
    ...deviceOperations(linux.devices ?? []),
    // Through a procfs descriptor, and before /proc/sys becomes read-only.
    ...Object.entries(linux.sysctl ?? {}).map(
      ([key, value]): PlanOperation => ({ op: 'sysctl', key: sysctlPath(key), value }),
    ),
    ...(configuration.hostname === undefined ? [] : [{ op: 'hostname', name: configuration.hostname } as const]),
    ...(configuration.domainname === undefined ? [] : [{ op: 'domainname', name: configuration.domainname } as const]),
    ...terminalOperations(process, true),
    // After all mounts, or a later mount would show what was hidden.
    ...(linux.readonlyPaths ?? []).map((path): PlanOperation => ({ op: 'read-only-path', path })),
    ...(linux.maskedPaths ?? []).map((path): PlanOperation => ({ op: 'mask', path })),
    {
      op: 'pivot-root',
      readOnly: configuration.root.readonly ?? false,
      propagation: rootPropagation.afterwards,
    },
    ...processOperations(process, { seccomp: linux.seccomp, init: request.init, createDirectory: true }),
  ];
  return {
    monitor: request.monitor,
    cloneNamespaces: created.filter((kind) => cloned.has(kind)),
    ...cgroups.launch,
    ...(pidNamespace === undefined ? {} : { pidNamespace: descriptors.add(pidNamespace) }),
    operations,
    descriptors: descriptors.numbers,
  };
}

export interface ExecCompileRequest {
  readonly process: OciProcess;
  readonly seccomp: OciSeccomp | undefined;
  readonly monitor: MonitorSetup;
  readonly descriptors: DescriptorTable;
  readonly cgroups: CgroupEntry;
  /** A pidfd of the container's init: setns takes it for every kind, so a reused PID cannot lead us elsewhere. */
  readonly containerProcess: number;
  /** Those of the container's namespaces that are not the host's. */
  readonly namespaces: readonly NamespaceKind[];
}

/** A further process in a running container: joins all that its init has, then the same tail. */
export function compileExec(request: ExecCompileRequest): LaunchPlan {
  const { process, descriptors, namespaces } = request;
  const container = descriptors.add(request.containerProcess);
  const cgroups = cgroupPlan(request.cgroups, descriptors);
  // The mount namespace last: afterwards host paths are out of reach.
  const order: readonly NamespaceKind[] = ['ipc', 'uts', 'network', 'cgroup', 'mount'];
  return {
    monitor: request.monitor,
    cloneNamespaces: [],
    ...cgroups.launch,
    ...(namespaces.includes('pid') ? { pidNamespace: container } : {}),
    operations: [
      ...cgroups.joins,
      ...order
        .filter((kind) => namespaces.includes(kind))
        .map((namespace): PlanOperation => ({ op: 'join-namespace', namespace, descriptor: container })),
      ...terminalOperations(process, false),
      ...processOperations(process, { seccomp: request.seccomp, init: false, createDirectory: false }),
    ],
    descriptors: descriptors.numbers,
  };
}

function joinOperations(
  joined: ReadonlyMap<NamespaceKind, number>,
  descriptors: DescriptorTable,
): readonly PlanOperation[] {
  return [...joined]
    .filter(([kind]) => kind !== 'pid')
    .map(([namespace, descriptor]) => ({ op: 'join-namespace', namespace, descriptor: descriptors.add(descriptor) }));
}

function unshareOperations(created: readonly NamespaceKind[]): readonly PlanOperation[] {
  const namespaces = created.filter((kind) => !cloned.has(kind));
  return namespaces.length === 0 ? [] : [{ op: 'unshare', namespaces }];
}

function rootOperation({ root, mountPoint, volatile }: CompileRequest): PlanOperation {
  if (root.kind === 'directory') return { op: 'root-bind', source: root.path, target: mountPoint };
  return {
    op: 'root-overlay',
    target: mountPoint,
    layersDirectory: root.layersDirectory,
    lower: root.lower,
    upper: root.upper,
    work: root.work,
    volatile,
  };
}

function mountOperations(mount: OciMount, request: CompileRequest): readonly PlanOperation[] {
  const { bind, recursive, attributes, propagation, data } = parseMountOptions(mount.options ?? []);
  if (mount.type === 'cgroup') return cgroupOperations(mount.destination, attributes, request.cgroupView);
  if (bind || mount.type === 'bind') {
    const source = mount.source ?? '';
    const opened = request.openSource(source);
    return [
      {
        op: 'bind',
        source: opened === undefined ? source : { descriptor: request.descriptors.add(opened) },
        path: mount.destination,
        recursive,
        attributes,
        ...(propagation === undefined ? {} : { propagation }),
        createTarget: true,
      },
    ];
  }
  return [
    {
      op: 'mount',
      type: mount.type ?? 'none',
      source: mount.source ?? mount.type ?? 'none',
      path: mount.destination,
      attributes,
      options: data,
    },
  ];
}

/**
 * The container's own groups, each shown as the top of its hierarchy: on v1 a small tmpfs with a directory for each
 * hierarchy, on v2 the group itself.
 */
function cgroupOperations(
  destination: string,
  attributes: MountAttributes,
  view: CgroupView,
): readonly PlanOperation[] {
  const single = view.binds.some(({ name }) => name === '');
  const binds = view.binds.map(
    ({ name, source }): PlanOperation => ({
      op: 'bind',
      source,
      path: name === '' ? destination : `${destination}/${name}`,
      recursive: false,
      attributes,
      createTarget: true,
    }),
  );
  if (single) return binds;
  const { readOnly: _, ...tmpfsAttributes } = attributes;
  return [
    {
      op: 'mount',
      type: 'tmpfs',
      source: 'tmpfs',
      path: destination,
      attributes: tmpfsAttributes,
      options: ['mode=755', 'size=64k', 'nr_inodes=64'],
    },
    ...binds,
    ...view.links.map(({ name, target }): PlanOperation => ({ op: 'symlink', path: `${destination}/${name}`, target })),
    // The tmpfs could not be read-only while directories were made in it.
    ...(attributes.readOnly === true ? [{ op: 'read-only-path', path: destination } as const] : []),
  ];
}

/** What every program expects in /dev beside the devices themselves. */
const deviceLinks: readonly (readonly [path: string, target: string])[] = [
  ['/dev/ptmx', 'pts/ptmx'],
  ['/dev/fd', '/proc/self/fd'],
  ['/dev/stdin', '/proc/self/fd/0'],
  ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
  ['/dev/core', '/proc/kcore'],
];

function deviceOperations(devices: readonly OciDevice[]): readonly PlanOperation[] {
  const nodes = devices.map((device): PlanOperation => {
    const type = device.type === 'u' ? 'c' : device.type;
    return {
      op: 'device',
      path: device.path,
      type,
      major: device.major ?? 0,
      minor: device.minor ?? 0,
      mode: device.fileMode ?? 0o666,
      uid: device.uid ?? 0,
      gid: device.gid ?? 0,
    };
  });
  const links = deviceLinks.map(([path, target]): PlanOperation => ({ op: 'symlink', path, target }));
  return [...nodes, ...links];
}

function terminalOperations(process: OciProcess, bindConsole: boolean): readonly PlanOperation[] {
  if (process.terminal !== true) return [];
  const { height = 0, width = 0 } = process.consoleSize ?? {};
  return [{ op: 'terminal', rows: height, columns: width, bindConsole }];
}

function processOperations(
  process: OciProcess,
  options: { readonly seccomp: OciSeccomp | undefined; readonly init: boolean; readonly createDirectory: boolean },
): readonly PlanOperation[] {
  const { user, capabilities } = process;
  const mask = (names: readonly string[] | undefined): bigint => capabilityMask(names ?? []);
  const seccomp: readonly PlanOperation[] =
    options.seccomp === undefined ? [] : [{ op: 'seccomp', filter: compileSeccomp(options.seccomp) }];
  const early = process.noNewPrivileges === true ? [] : seccomp;
  const late = process.noNewPrivileges === true ? seccomp : [];
  return [
    ...(process.rlimits ?? []).map(rlimitOperation),
    ...oomScoreOperations(process.oomScoreAdj),
    { op: 'umask', mask: user.umask ?? 0o022 },
    // While still root: the container's user need not be able to reach its working directory's parents.
    { op: 'working-directory', path: process.cwd === '' ? '/' : process.cwd, create: options.createDirectory },
    // Without no_new_privs a filter may be installed only by CAP_SYS_ADMIN, so before the capabilities go; with it, as
    // the last thing, so that the filter need not allow what the lines before it do.
    ...(process.noNewPrivileges === true ? [{ op: 'no-new-privileges' } as const] : []),
    ...early,
    {
      op: 'credentials',
      uid: user.uid,
      gid: user.gid,
      groups: user.additionalGids ?? [],
      bounding: mask(capabilities?.bounding),
      permitted: mask(capabilities?.permitted),
      effective: mask(capabilities?.effective),
      ambient: mask(capabilities?.ambient),
    },
    ...late,
    { op: 'exec', arguments: process.args, environment: process.env, init: options.init },
  ];
}

/**
 * Nothing to write when the process has inherited the value, and 0 is no wish: a daemon that runs with a positive value
 * could not lower it without CAP_SYS_RESOURCE.
 */
function oomScoreOperations(value: number | undefined): readonly PlanOperation[] {
  const own = ownOomScoreAdjust();
  if (value === undefined || value === own || (value === 0 && own > 0)) return [];
  return [{ op: 'oom-score-adjust', value }];
}

function rlimitOperation(limit: {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}): PlanOperation {
  const resource = rlimitNumber(limit.type);
  if (resource === undefined) throw internal('unknown-rlimit', `${limit.type} is not a resource limit of Linux`);
  return { op: 'rlimit', resource, soft: rlimitValue(limit.soft), hard: rlimitValue(limit.hard) };
}

/** "net.ipv4.ip_forward" -> "net/ipv4/ip_forward"; a dot inside an interface name is written as a slash, as sysctl(8) has it. */
function sysctlPath(key: string): string {
  const firstSeparator = /[./]/.exec(key)?.[0];
  if (firstSeparator === '/') return key;
  return key.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}

/**
 * While mounts are made the tree receives from the host (an unmount there must not be held up by our copy), unless the
 * container shares its mounts back. OCI names the kind; the kernel is told to treat the whole tree so.
 */
function rootPropagationOf(kind: string | undefined): {
  readonly whileMounting: Propagation;
  readonly afterwards: Propagation;
} {
  if (kind === undefined) return { whileMounting: 'rslave', afterwards: 'rprivate' };
  const afterwards = isPropagation(kind) ? kind : 'private';
  const prefixed = `r${afterwards}`;
  const recursive = isPropagation(prefixed) ? prefixed : afterwards;
  return { whileMounting: recursive === 'rshared' ? 'rshared' : 'rslave', afterwards: recursive };
}
