import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { conflict, describeError, internal, invalidArgument, type Log } from '../base/index.ts';
import {
  type CgroupManager,
  createCgroupManager,
  favorDynamicChanges,
  hasErrno,
  hostMountOf,
  mountSharedMemory,
  unmountSharedMemory,
} from '../kernel/index.ts';
import { compileLaunch, DescriptorTable, openCgroups } from './compile.ts';
import { describeLaunchFailure } from './launch-failure.ts';
import { containersDirectory, monitorPaths, mountPointIn, removeStateDirectory, sharedMemoryIn } from './layout.ts';
import { type Monitor, readExitRecord, reconnectMonitor, spawnMonitor } from './monitor.ts';
import { parseMountOptions } from './mount-options.ts';
import type { OciRuntimeConfiguration } from './oci.ts';
import type { LaunchPlan, NamespaceKind } from './plan.ts';
import { MonitoredContainer } from './running-container.ts';
import type { ExitRecord, LaunchRequest, ProcessRecord, RunningContainer, Runtime } from './types.ts';

export interface RuntimeOptions {
  /** Directory for what does not outlive a reboot. State directories are expected in its `containers`. */
  readonly execRoot: string;
  /** The cgroup below which all containers' groups are, e.g. "/corten-1a2b": one daemon's own. */
  readonly cgroupParent: string;
  readonly nativeBinaryPath: string;
  readonly log: Log;
  /** false: leave the host's cgroup mount options as they are, for slower starts on v1. See favorDynamicChanges. */
  readonly favorDynamicCgroups?: boolean;
  /** Replaced in tests. */
  readonly cgroups?: CgroupManager;
}

export function createRuntime(options: RuntimeOptions): CortenRuntime {
  return new CortenRuntime(options);
}

export class CortenRuntime implements Runtime {
  readonly cgroups: CgroupManager;
  readonly #options: RuntimeOptions;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.cgroups = options.cgroups ?? createCgroupManager();
    if (this.cgroups.version === 1 && options.favorDynamicCgroups !== false) this.#favorDynamicChanges();
  }

  #favorDynamicChanges(): void {
    const { log } = this.#options;
    try {
      if (favorDynamicChanges())
        log.info({}, 'switched the cgroup mount option favordynmods on: starts take 5-15 ms less');
    } catch (error) {
      log.debug({ err: error }, `starts are slower than they could be: ${describeError(error)}`);
    }
  }

  /** The name that a container's cgroup should have, unless it was created with a parent of its own. */
  cgroupPathFor(id: string, parent: string = this.#options.cgroupParent): string {
    return `${parent.replace(/\/$/, '')}/${id}`;
  }

  async launch(request: LaunchRequest): Promise<RunningContainer> {
    const phase = phases(request.trace);
    const cgroupPath = request.configuration.linux.cgroupsPath;
    const opened: number[] = [];
    let cgroupMade = false;
    try {
      phase('state directory', () => {
        makeStateDirectory(request.stateDirectory);
        mountShareableMemory(request);
      });
      phase('cgroups', () => {
        this.#createCgroup(cgroupPath, request.configuration);
        cgroupMade = true;
      });
      const plan = phase('compile', () => this.#compile(request, opened));
      const monitor = await phase('launch', () => this.#spawn(plan, request));
      // Parts of the launch, as the monitor saw them: from its own start.
      request.trace?.('launch: monitor until clone3', monitor.timings.clone / 1e6);
      request.trace?.('launch: clone3 until exec', (monitor.timings.exec - monitor.timings.clone) / 1e6);
      return new MonitoredContainer({
        monitor,
        record: {
          pid: monitor.pid,
          startTime: monitor.startTime,
          monitorPid: monitor.monitorPid,
          monitorStartTime: monitor.monitorStartTime,
          stateDirectory: request.stateDirectory,
          cgroupPath,
        },
        cgroups: this.cgroups,
        configuration: request.configuration,
        nativeBinaryPath: this.#options.nativeBinaryPath,
      });
    } catch (error) {
      await this.#undo(request.stateDirectory, cgroupMade ? cgroupPath : undefined);
      throw error;
    } finally {
      for (const descriptor of opened) closeSync(descriptor);
    }
  }

  #createCgroup(path: string, { linux }: OciRuntimeConfiguration): void {
    try {
      this.cgroups.create(path, linux.resources ?? {});
    } catch (error) {
      if (!hasErrno(error, 'EINVAL', 'ERANGE', 'EACCES', 'EOPNOTSUPP', 'ENOTSUP')) throw error;
      throw invalidArgument('limit-refused', `error setting cgroup config: ${describeError(error)}`, {
        hint: 'the kernel refuses this value for the group, or lacks the controller',
      });
    }
  }

  #compile(request: LaunchRequest, opened: number[]): LaunchPlan {
    const { configuration, networkNamespace, relays, heldDescriptors } = request;
    const keep = (descriptor: number): number => {
      opened.push(descriptor);
      return descriptor;
    };
    const joined = new Map<NamespaceKind, number>();
    for (const { type, path } of configuration.linux.namespaces) {
      if (path !== undefined) joined.set(type, keep(openSync(path, constants.O_RDONLY)));
    }
    if (networkNamespace !== undefined) joined.set('network', networkNamespace);
    const descriptors = new DescriptorTable();
    return compileLaunch({
      configuration,
      root: request.root,
      mountPoint: mountPointIn(request.stateDirectory),
      volatile: request.volatile,
      init: request.init,
      monitor: {
        ...monitorPaths(request.stateDirectory),
        terminal: configuration.process.terminal === true,
        openStdin: request.openStdin,
        stdinOnce: request.stdinOnce,
        log: request.log,
        relays: relays.map(({ listener, address, port }) => ({ listener: descriptors.add(listener), address, port })),
        held: heldDescriptors.map((descriptor) => descriptors.add(descriptor)),
        deferUnmount: request.root.kind === 'overlay' && !request.volatile,
      },
      descriptors,
      cgroups: openCgroups(this.cgroups, configuration.linux.cgroupsPath, keep),
      cgroupView: this.cgroups.view(configuration.linux.cgroupsPath),
      openSource: (source) => {
        const descriptor = openContainerSource(source);
        return descriptor === undefined ? undefined : keep(descriptor);
      },
      joinedNamespaces: joined,
    });
  }

  async #spawn(plan: LaunchPlan, request: LaunchRequest): Promise<Monitor> {
    try {
      return await spawnMonitor(plan, {
        binaryPath: this.#options.nativeBinaryPath,
        clients: request.attachments ?? [],
      });
    } catch (error) {
      throw describeLaunchFailure(error, plan);
    }
  }

  /** A launch that failed leaves nothing; what cannot be taken back is logged and left to reconciliation. */
  async #undo(stateDirectory: string, cgroupPath: string | undefined): Promise<void> {
    try {
      if (cgroupPath !== undefined) await this.#removeCgroup(cgroupPath);
    } catch (error) {
      this.#options.log.warn({ err: error, cgroupPath }, `a failed start left a cgroup: ${describeError(error)}`);
    }
    await removeStateDirectory(stateDirectory).catch((error: unknown) => {
      this.#options.log.warn({ err: error, stateDirectory }, `a failed start left files: ${describeError(error)}`);
    });
  }

  async #removeCgroup(cgroupPath: string): Promise<void> {
    if (this.cgroups.processes(cgroupPath).length > 0) await this.cgroups.killAll(cgroupPath);
    await this.cgroups.remove(cgroupPath);
  }

  async recover(
    record: ProcessRecord,
    configuration: OciRuntimeConfiguration,
  ): Promise<RunningContainer | ExitRecord | undefined> {
    const paths = monitorPaths(record.stateDirectory);
    const monitor = await reconnectMonitor(record, paths);
    if (monitor !== undefined) {
      return new MonitoredContainer({
        monitor,
        record,
        cgroups: this.cgroups,
        configuration,
        nativeBinaryPath: this.#options.nativeBinaryPath,
      });
    }
    const exit = readExitRecord(paths.exitPath);
    if (exit === undefined) return undefined;
    return { ...exit, oomKilled: exit.oomKilled || this.cgroups.oomKills(record.cgroupPath) > 0 };
  }

  async discard(id: string, stateDirectory: string, cgroupPath: string): Promise<void> {
    try {
      await this.#removeCgroup(cgroupPath);
      // Last: as long as it is there, a cgroup that could not be removed is found again.
      await removeStateDirectory(stateDirectory);
    } catch (error) {
      throw internal(
        'discard-incomplete',
        `not everything of container ${id} could be removed: ${describeError(error)}`,
        { cause: error },
      );
    }
  }

  async leftovers(): Promise<readonly { readonly id: string; readonly what: 'process' | 'cgroup' | 'directory' }[]> {
    const { cgroupParent, execRoot } = this.#options;
    const groups = this.cgroups.children(cgroupParent).map((id) => {
      const alive = this.cgroups.processes(this.cgroupPathFor(id)).length > 0;
      return { id, what: alive ? ('process' as const) : ('cgroup' as const) };
    });
    const directory = containersDirectory(execRoot);
    const names = existsSync(directory) ? readdirSync(directory) : [];
    return [...groups, ...names.map((id) => ({ id, what: 'directory' as const }))];
  }

  /** Removes the daemon's own parent cgroup, if no container is left in it. For an orderly end of a test or an uninstall. */
  async removeParentCgroup(): Promise<void> {
    const { cgroupParent } = this.#options;
    if (this.cgroups.children(cgroupParent).length === 0) await this.cgroups.remove(cgroupParent);
  }
}

/** Makes the directory; one that a crash left is emptied first. */
function makeStateDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) {
      unmountSharedMemory(sharedMemoryIn(path));
      rmSync(path, { recursive: true, force: true });
    }
    if (!hasErrno(error, 'EEXIST', 'ENOENT')) throw error;
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  mkdirSync(mountPointIn(path), { mode: 0o700 });
}

/** A shareable /dev/shm is the one mount that is made on the host: see mountSharedMemory. */
function mountShareableMemory(request: LaunchRequest): void {
  const path = sharedMemoryIn(request.stateDirectory);
  const mount = request.configuration.mounts.find(({ source }) => source === path);
  if (mount === undefined) return;
  mkdirSync(path, { mode: 0o700 });
  mountSharedMemory(path, parseMountOptions(mount.options ?? []).data);
}

/**
 * The /dev/shm of another container is that container's to change at any moment: not its path is mounted, but the
 * place on the host where its file system came from.
 */
function openContainerSource(source: string): number | undefined {
  const match = /^\/proc\/(\d+)\/root(\/.+)$/.exec(source);
  if (match === null) return undefined;
  const [, pid = '', target = ''] = match;
  try {
    return openSync(hostMountOf(Number(pid), target), constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ESRCH')) throw error;
    throw conflict('ipc-not-shareable', `the ${target} of process ${pid} is not shareable`, { cause: error });
  }
}

/** Times each phase for `--trace`. */
function phases(trace: LaunchRequest['trace']) {
  return <T>(name: string, work: () => T): T => {
    if (trace === undefined) return work();
    const start = performance.now();
    const finish = (): void => trace(name, performance.now() - start);
    const result = work();
    if (result instanceof Promise) {
      result.then(finish, finish);
      return result;
    }
    finish();
    return result;
  };
}
