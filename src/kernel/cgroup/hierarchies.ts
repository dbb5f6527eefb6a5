import { readFileSync } from 'node:fs';

/** One mounted cgroup hierarchy. */
export interface Hierarchy {
  /** Controllers bound to it; a named v1 hierarchy has "name=x"; the v2 one has those of cgroup.controllers. */
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** The group (as /proc/self/cgroup names it) that the mount point shows; "/" unless a container runtime bound a part. */
  readonly root: string;
  /** The daemon's own group, below the mount point; "/" at its top. */
  readonly position: string;
}

export interface Hierarchies {
  readonly v1: readonly Hierarchy[];
  readonly v2: Hierarchy | undefined;
}

const v1Controllers = new Set([
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'devices',
  'freezer',
  'blkio',
  'pids',
  'hugetlb',
  'perf_event',
  'net_cls',
  'net_prio',
  'rdma',
  'misc',
]);

/** mountinfo writes space, tab, newline and backslash as octal escapes. */
const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** Reads what is mounted where, and where this process is; both texts are of /proc/self. */
export function parseHierarchies(mountinfo: string, ownGroups: string): Hierarchies {
  const positions = parsePositions(ownGroups);
  const v1: Hierarchy[] = [];
  let v2: Hierarchy | undefined;
  for (const line of mountinfo.split('\n')) {
    const separator = line.indexOf(' - ');
    if (separator < 0) continue;
    const [, , , root, mountPoint] = line.slice(0, separator).split(' ');
    const [type, , superOptions] = line.slice(separator + 3).split(' ');
    if (root === undefined || mountPoint === undefined) continue;
    if (type === 'cgroup2') {
      // The first mount wins: further ones are views that somebody bound elsewhere.
      v2 ??= {
        controllers: [],
        mountPoint: unescape(mountPoint),
        root: unescape(root),
        position: below(unescape(root), positions.get('') ?? '/'),
      };
    } else if (type === 'cgroup') {
      const controllers = (superOptions ?? '').split(',').filter((o) => v1Controllers.has(o) || o.startsWith('name='));
      const first = controllers[0];
      if (first === undefined || v1.some((hierarchy) => hierarchy.controllers.includes(first))) continue;
      v1.push({
        controllers,
        mountPoint: unescape(mountPoint),
        root: unescape(root),
        position: below(unescape(root), positions.get(first) ?? '/'),
      });
    }
  }
  return { v1, v2 };
}

function parsePositions(ownGroups: string): Map<string, string> {
  const positions = new Map<string, string>();
  for (const line of ownGroups.split('\n')) {
    const [id, controllers, ...path] = line.split(':');
    if (id === undefined || controllers === undefined) continue;
    for (const controller of controllers.split(',')) positions.set(controller, path.join(':'));
  }
  return positions;
}

/** A group's path counted from the mount's root. Outside of it (another cgroup namespace) only the top is reachable. */
function below(root: string, position: string): string {
  if (root === '/') return position;
  if (position === root) return '/';
  return position.startsWith(`${root}/`) ? position.slice(root.length) : '/';
}

export function readHierarchies(): Hierarchies {
  return parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));
}

/** The directory of group `path` in a hierarchy. */
export function groupDirectory(hierarchy: Hierarchy, path: string): string {
  const position = hierarchy.position === '/' ? '' : hierarchy.position;
  return path.startsWith('/') ? `${hierarchy.mountPoint}${path}` : `${hierarchy.mountPoint}${position}/${path}`;
}
