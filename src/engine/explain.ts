import { CortenError } from '../base/index.ts';
import type { Snapshots } from '../image/types.ts';
import {
  type CgroupManager,
  capabilitiesOfMask,
  type MountEntry,
  mountTable,
  namespaceInodes,
  processStatus,
} from '../kernel/index.ts';
import type { NetworkService } from '../network/types.ts';
import { explainPath, type LayerDirectory, mountSource } from './explain-path.ts';
import type { Container, ContainerExplanation } from './types.ts';

export interface ExplainDependencies {
  readonly snapshots: Pick<Snapshots, 'root' | 'openMerged' | 'layerDirectories'>;
  readonly networks: Pick<NetworkService, 'explain'>;
  readonly cgroups: Pick<CgroupManager, 'explain'>;
  /** Every running container, the explained one included: to tell who shares a namespace. */
  readonly running: () => readonly { readonly name: string; readonly pid: number }[];
}

/**
 * What the kernel holds for a container. Of one that is not running that is its layers only; everything else is empty.
 * @param cgroupPath as the process record has it; undefined when it does not run
 * @param path also say where this file of the container comes from
 */
export async function explainContainer(
  dependencies: ExplainDependencies,
  container: Container,
  cgroupPath: string | undefined,
  path: string | undefined,
): Promise<ContainerExplanation> {
  const { id, name, state } = container;
  const runs = state.pid > 0;
  const layers = layersOf(dependencies, container);
  const [status, mounts, network] = await Promise.all([
    runs ? processStatus(state.pid) : undefined,
    runs ? mountTable(state.pid) : undefined,
    runs && container.endpoint !== undefined ? dependencies.networks.explain(id, state.pid) : undefined,
  ]);
  const root = dependencies.snapshots.root(id);
  const sources = {
    layers,
    upper: root.kind === 'overlay' ? root.upper : undefined,
    mounts,
    mountPoints: container.mounts,
  };
  const file = path === undefined ? undefined : explainPath(container, path, dependencies.snapshots, sources);
  return {
    id,
    name,
    pid: state.pid,
    namespaces: runs ? namespaces(dependencies, container) : [],
    cgroups: cgroupPath === undefined ? [] : dependencies.cgroups.explain(cgroupPath),
    mounts: (mounts ?? []).map(describeMount),
    layers,
    capabilities: {
      effective: capabilitiesOfMask(status?.effective ?? 0n),
      bounding: capabilitiesOfMask(status?.bounding ?? 0n),
    },
    seccomp: status?.seccomp ?? 'disabled',
    noNewPrivileges: status?.noNewPrivileges ?? false,
    network,
    ...(file === undefined ? {} : { file }),
  };
}

/** A container outlives its image when that was removed by force: its layers are then not known by image any more. */
function layersOf({ snapshots }: ExplainDependencies, { imageId }: Container): readonly LayerDirectory[] {
  try {
    return snapshots.layerDirectories(imageId);
  } catch (error) {
    if (error instanceof CortenError && error.kind === 'not-found') return [];
    throw error;
  }
}

function namespaces({ running }: ExplainDependencies, { name, state }: Container): ContainerExplanation['namespaces'] {
  const others = [
    { name: 'host', inodes: namespaceInodes('self') },
    ...running()
      .filter((other) => other.pid !== state.pid && other.name !== name)
      .map((other) => ({ name: other.name, inodes: namespaceInodes(other.pid) })),
  ];
  return [...namespaceInodes(state.pid)].map(([kind, inode]) => ({
    kind,
    inode,
    sharedWith: others.filter(({ inodes }) => inodes.get(kind) === inode).map((other) => other.name),
  }));
}

function describeMount(entry: MountEntry): ContainerExplanation['mounts'][number] {
  const own = entry.options.split(',');
  // Both lists begin with ro or rw; the mount's own word is the one that counts.
  const ofSuperblock = entry.superOptions
    .split(',')
    .filter((option) => !own.includes(option) && !/^r[ow]$/.test(option));
  return {
    target: entry.target,
    type: entry.type,
    source: mountSource(entry),
    options: [...own, ...ofSuperblock].filter((option) => option !== '').join(','),
  };
}
