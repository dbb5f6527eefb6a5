import { join } from 'node:path';
import { conflict } from '../base/index.ts';
import type { PreparedNamespace } from '../network/types.ts';
import type { OciRuntimeConfiguration } from '../runtime/types.ts';
import type { AttachedClient, LaunchRequest } from '../runtime/types.ts';
import type { JoinedProcesses } from './container-namespaces.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, stateDirectory } from './context.ts';
import { parseLogOptions } from './log-options.ts';
import { buildOciConfiguration } from './oci-configuration.ts';
import type { RootFiles } from './root-files.ts';
import { hasProcess } from './status.ts';
import type { ContainerConfiguration } from './types.ts';

/** The container's cgroup below each controller's root. */
export function cgroupPath(
  { cgroupParent }: Pick<EngineContext, 'cgroupParent'>,
  { host }: ContainerConfiguration,
  id: string,
): string {
  const parent = host.cgroupParent === '' ? cgroupParent : host.cgroupParent;
  return `${parent.startsWith('/') ? '' : '/'}${parent.replace(/\/$/, '')}/${id}`;
}

/** The running containers whose namespaces this one joins. Throws not-found, conflict `joined-container-not-running`. */
export function joinedContainers(
  { table }: Pick<EngineContext, 'table'>,
  { id, definition }: ContainerEntry,
): { readonly network?: ContainerEntry; readonly pid?: ContainerEntry; readonly ipc?: ContainerEntry } {
  const { host } = definition.configuration;
  const find = (mode: string, what: string): ContainerEntry | undefined => {
    if (!mode.startsWith('container:')) return undefined;
    const other = table.resolve(mode.slice('container:'.length));
    if (other.id === id) throw conflict('joined-container-is-itself', `cannot join own ${what}: ${mode}`);
    if (hasProcess(other.state.status) && other.process !== undefined) return other;
    throw conflict('joined-container-not-running', `cannot join ${what} of a non running container: ${other.id}`);
  };
  const network = find(host.networkMode, 'network');
  const pid = find(host.pidMode, 'PID');
  const ipc = find(host.ipcMode, 'IPC');
  if (ipc !== undefined && !['shareable', 'host'].includes(ipc.definition.configuration.host.ipcMode)) {
    throw conflict(
      'ipc-not-shareable',
      `can't join IPC of container ${ipc.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  }
  return {
    ...(network === undefined ? {} : { network }),
    ...(pid === undefined ? {} : { pid }),
    ...(ipc === undefined ? {} : { ipc }),
  };
}

export function ociConfiguration(
  context: EngineContext,
  rootFiles: RootFiles,
  entry: ContainerEntry,
): OciRuntimeConfiguration {
  const container = entry.view();
  const joined: JoinedProcesses = Object.fromEntries(
    Object.entries(joinedContainers(context, entry)).map(([what, other]) => [what, other.state.process?.pid ?? 0]),
  );
  return rootFiles.withReader(container, (readRootFile) =>
    buildOciConfiguration({
      container,
      rootPath: join(stateDirectory(context, entry.id), 'root'),
      cgroupsPath: cgroupPath(context, container.configuration, entry.id),
      cgroupVersion: context.cgroups.version,
      joined,
      readRootFile,
      defaultUlimits: context.settings().ulimits,
    }),
  );
}

export function launchRequest(
  context: EngineContext,
  entry: ContainerEntry,
  configuration: OciRuntimeConfiguration,
  parts: {
    readonly network: PreparedNamespace | undefined;
    readonly attachments: readonly AttachedClient[];
    readonly trace: (phase: string, milliseconds: number) => void;
  },
): LaunchRequest {
  const { openStdin, stdinOnce, host } = entry.definition.configuration;
  const { network, attachments, trace } = parts;
  return {
    id: entry.id,
    configuration,
    root: context.snapshots.root(entry.id),
    stateDirectory: stateDirectory(context, entry.id),
    log: { driver: host.log.driver, path: entry.view().files.log, ...parseLogOptions(host.log) },
    openStdin,
    stdinOnce,
    volatile: host.autoRemove,
    init: host.init ?? false,
    ...(network === undefined ? {} : { networkNamespace: network.descriptor }),
    relays: network?.relays ?? [],
    heldDescriptors: network?.heldDescriptors ?? [],
    attachments,
    trace,
  };
}
