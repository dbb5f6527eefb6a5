import { closeSync, mkdirSync } from 'node:fs';
import { conflict, invalidArgument, nowNanoseconds } from '../base/index.ts';
import {
  type CgroupManager,
  hasErrno,
  hostCpuTime,
  hostMemoryBytes,
  isSameProcess,
  namespaceInodes,
  openProcess,
} from '../kernel/index.ts';
import { compileExec, DescriptorTable, openCgroups } from './compile.ts';
import { describeLaunchFailure } from './launch-failure.ts';
import { monitorPaths, removeStateDirectory } from './layout.ts';
import { type Monitor, spawnMonitor } from './monitor.ts';
import type { OciRuntimeConfiguration } from './oci.ts';
import type { NamespaceKind } from './plan.ts';
import { toOciResources } from './resources.ts';
import type {
  Attachment,
  AttachOptions,
  ContainerProcess,
  ExecRequest,
  ExitRecord,
  ProcessRecord,
  ResourceLimits,
  ResourceStatistics,
  RunningContainer,
} from './types.ts';

/** A process with its monitor: the container's init, or one that was exec'd. */
class MonitoredProcess implements ContainerProcess {
  readonly record: ProcessRecord;
  readonly exited: Promise<ExitRecord>;
  readonly released: Promise<void>;
  readonly #monitor: Monitor;
  /** See Monitor. */
  readonly timings: Monitor['timings'];

  constructor(monitor: Monitor, record: ProcessRecord, exited: Promise<ExitRecord> = monitor.exited) {
    this.#monitor = monitor;
    this.timings = monitor.timings;
    this.record = record;
    this.exited = exited;
    this.released = monitor.released;
  }

  attach(options: AttachOptions): Promise<Attachment> {
    return this.#monitor.attach(options);
  }

  resize(rows: number, columns: number): Promise<void> {
    return this.#monitor.resize(rows, columns);
  }

  kill(signal: number): Promise<boolean> {
    return this.#monitor.kill(signal);
  }
}

/** Names of /proc/PID/ns to those of a plan. */
const namespaceKinds: ReadonlyMap<string, NamespaceKind> = new Map([
  ['mnt', 'mount'],
  ['pid', 'pid'],
  ['net', 'network'],
  ['ipc', 'ipc'],
  ['uts', 'uts'],
  ['cgroup', 'cgroup'],
  ['time', 'time'],
]);

export class MonitoredContainer extends MonitoredProcess implements RunningContainer {
  readonly #cgroups: CgroupManager;
  readonly #configuration: OciRuntimeConfiguration;
  readonly #nativeBinaryPath: string;

  constructor(options: {
    readonly monitor: Monitor;
    readonly record: ProcessRecord;
    readonly cgroups: CgroupManager;
    readonly configuration: OciRuntimeConfiguration;
    readonly nativeBinaryPath: string;
  }) {
    const { monitor, record, cgroups } = options;
    // The group outlives its processes, so the kernel's count can still be read.
    const exited = monitor.exited.then((exit) => ({
      ...exit,
      oomKilled: exit.oomKilled || cgroups.oomKills(record.cgroupPath) > 0,
    }));
    // Whoever wants the exit awaits `exited`; nobody may want it, and that is no unhandled rejection.
    exited.catch(() => undefined);
    super(monitor, record, exited);
    this.#cgroups = cgroups;
    this.#configuration = options.configuration;
    this.#nativeBinaryPath = options.nativeBinaryPath;
  }

  killAll(): Promise<void> {
    return this.#cgroups.killAll(this.record.cgroupPath);
  }

  pause(): Promise<void> {
    return this.#cgroups.freeze(this.record.cgroupPath);
  }

  resume(): Promise<void> {
    return this.#cgroups.thaw(this.record.cgroupPath);
  }

  async processes(): Promise<readonly number[]> {
    return this.#cgroups.processes(this.record.cgroupPath);
  }

  async statistics(): Promise<ResourceStatistics> {
    const { cpu, memory, pids, blockIo } = this.#cgroups.statistics(this.record.cgroupPath);
    const host = hostCpuTime();
    return {
      readAtNanoseconds: nowNanoseconds(),
      cpu: { ...cpu, hostTotalNanoseconds: host.totalNanoseconds, onlineCpus: host.onlineCpus },
      // "No limit" is a number beyond any machine's memory; people read it as all of the host's.
      memory: { ...memory, limitBytes: Math.min(memory.limitBytes, hostMemoryBytes()) },
      pids,
      blockIo,
      cgroupVersion: this.#cgroups.version,
    };
  }

  async updateResources(resources: ResourceLimits): Promise<void> {
    try {
      this.#cgroups.update(this.record.cgroupPath, toOciResources(resources));
    } catch (error) {
      if (hasErrno(error, 'EINVAL') && resources.memoryBytes !== undefined && resources.memorySwapBytes === undefined) {
        throw invalidArgument(
          'memory-above-swap',
          'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
          { cause: error },
        );
      }
      if (hasErrno(error, 'EBUSY')) {
        throw conflict('limit-below-usage', 'the new limit is below what the container uses and cannot give back', {
          cause: error,
        });
      }
      throw error;
    }
  }

  async exec(request: ExecRequest): Promise<ContainerProcess> {
    const { record } = this;
    const opened: number[] = [];
    const keep = (descriptor: number): number => {
      opened.push(descriptor);
      return descriptor;
    };
    const container = keep(this.#openContainer());
    try {
      mkdirSync(request.stateDirectory, { recursive: true, mode: 0o700 });
      const plan = compileExec({
        process: request.process,
        seccomp: request.privileged ? undefined : this.#configuration.linux.seccomp,
        monitor: {
          ...monitorPaths(request.stateDirectory),
          terminal: request.process.terminal === true,
          openStdin: request.openStdin,
          stdinOnce: request.openStdin,
          log: { driver: 'none', path: '', maximumSize: 0, maximumFiles: 1 },
          relays: [],
          held: [],
          deferUnmount: false,
        },
        descriptors: new DescriptorTable(),
        cgroups: openCgroups(this.#cgroups, record.cgroupPath, keep),
        containerProcess: container,
        namespaces: foreignNamespaces(record.pid),
      });
      try {
        const monitor = await spawnMonitor(plan, {
          binaryPath: this.#nativeBinaryPath,
          clients: request.attachments ?? [],
        });
        return new MonitoredProcess(monitor, {
          pid: monitor.pid,
          startTime: monitor.startTime,
          monitorPid: monitor.monitorPid,
          monitorStartTime: monitor.monitorStartTime,
          stateDirectory: request.stateDirectory,
          cgroupPath: record.cgroupPath,
        });
      } catch (error) {
        throw describeLaunchFailure(error, plan);
      }
    } catch (error) {
      await removeStateDirectory(request.stateDirectory);
      throw error;
    } finally {
      for (const descriptor of opened) closeSync(descriptor);
    }
  }

  /** A pidfd of the container's init, proven to be it: opened first, compared after. */
  #openContainer(): number {
    const { pid, startTime } = this.record;
    const gone = (cause?: unknown) => conflict('container-not-running', 'the container is not running', { cause });
    let descriptor: number;
    try {
      descriptor = openProcess(pid);
    } catch (error) {
      if (hasErrno(error, 'ESRCH', 'EINVAL')) throw gone(error);
      throw error;
    }
    if (isSameProcess(pid, startTime)) return descriptor;
    closeSync(descriptor);
    throw gone();
  }
}

/** The namespaces of a process that are not the daemon's own: joining the others would only cost time. */
function foreignNamespaces(pid: number): readonly NamespaceKind[] {
  const own = namespaceInodes('self');
  return [...namespaceInodes(pid)].flatMap(([name, inode]) => {
    const kind = namespaceKinds.get(name);
    return kind === undefined || own.get(name) === inode ? [] : [kind];
  });
}
