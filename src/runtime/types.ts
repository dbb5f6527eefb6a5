import type { Readable, Writable } from 'node:stream';
import type { OciRuntimeConfiguration } from './oci.ts';
import type { LogTarget } from './plan.ts';

/** The root file system of one container, as the snapshotter prepared it. Nothing is mounted on the host. */
export type RootFilesystem =
  | {
      readonly kind: 'overlay';
      readonly layersDirectory: string;
      /** Names below layersDirectory, topmost first. */
      readonly lower: readonly string[];
      readonly upper: string;
      readonly work: string;
    }
  | { readonly kind: 'directory'; readonly path: string };

export interface PortRelay {
  /** Listening TCP socket of the host. */
  readonly listener: number;
  readonly address: string;
  readonly port: number;
}

export interface LaunchRequest {
  readonly id: string;
  readonly configuration: OciRuntimeConfiguration;
  readonly root: RootFilesystem;
  /** Below the exec root; emptied and made by the runtime: socket, exit record, mount point. */
  readonly stateDirectory: string;
  readonly log: LogTarget;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  /** Skip the sync of dirty pages: for containers removed on exit. */
  readonly volatile: boolean;
  /** Stay as PID 1 and reap (docker run --init). */
  readonly init: boolean;
  /** The prepared network namespace; the runtime does not close it. undefined: per configuration.linux.namespaces. */
  readonly networkNamespace?: number;
  readonly relays: readonly PortRelay[];
  /** Sockets that reserve published ports; the monitor keeps them open. */
  readonly heldDescriptors: readonly number[];
  /**
   * Clients that are there from the start, so that they miss nothing: our ends of connected stream sockets, which the
   * runtime does not close. They speak the same frames as a later attach.
   */
  readonly attachments?: readonly AttachedClient[];
  /** Called with the name and duration of each phase, for --trace. */
  readonly trace?: (phase: string, milliseconds: number) => void;
}

export interface AttachedClient extends AttachOptions {
  readonly descriptor: number;
}

/** What must be stored to find a process again after the daemon restarted. Plain JSON. */
export interface ProcessRecord {
  /** Host PID of the container's init (or of the exec'd process). */
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: tells a reused PID. */
  readonly startTime: string;
  readonly monitorPid: number;
  readonly monitorStartTime: string;
  readonly stateDirectory: string;
  readonly cgroupPath: string;
}

export interface ExitRecord {
  /** 0-255; 128 + signal number when a signal ended it. */
  readonly exitCode: number;
  readonly signal?: number;
  readonly oomKilled: boolean;
  readonly finishedAtNanoseconds: bigint;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/**
 * A live connection to a process's streams. `output` carries the Engine API's frames (8-byte header: stream, 0,0,0,
 * big-endian length) without a terminal and raw bytes with one, exactly as the monitor sent them: pipe, do not parse.
 */
export interface Attachment {
  readonly output: Readable;
  /** Ending it closes the process's standard input when stdinOnce was asked for. */
  readonly input: Writable;
  close(): void;
}

export interface ContainerProcess {
  readonly record: ProcessRecord;
  /** Resolves once, when the process ended and its exit record is durable. */
  readonly exited: Promise<ExitRecord>;
  /** Resolves when the monitor itself has gone: mounts are released, directories may be removed. */
  readonly released: Promise<void>;
  attach(options: AttachOptions): Promise<Attachment>;
  resize(rows: number, columns: number): Promise<void>;
  /** Sends a signal to the process, race-free by pidfd. Resolves false when it has ended already. */
  kill(signal: number): Promise<boolean>;
}

export interface RunningContainer extends ContainerProcess {
  /** SIGKILL to everything in the cgroup. */
  killAll(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Host PIDs of everything in the container. */
  processes(): Promise<readonly number[]>;
  statistics(): Promise<ResourceStatistics>;
  updateResources(resources: ResourceLimits): Promise<void>;
  exec(request: ExecRequest): Promise<ContainerProcess>;
}

export interface ExecRequest {
  readonly id: string;
  readonly process: OciRuntimeConfiguration['process'];
  readonly stateDirectory: string;
  readonly openStdin: boolean;
  /** As for a launch: clients that miss nothing. */
  readonly attachments?: readonly AttachedClient[];
  /** Without it the default filter of the container applies. */
  readonly privileged: boolean;
}

export interface ResourceLimits {
  readonly memoryBytes?: number;
  /** Memory and swap together; -1 is unlimited. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly memorySwappiness?: number;
  readonly oomKillDisable?: boolean;
  readonly cpuShares?: number;
  readonly cpuPeriodMicroseconds?: number;
  readonly cpuQuotaMicroseconds?: number;
  readonly cpuRealtimePeriodMicroseconds?: number;
  readonly cpuRealtimeRuntimeMicroseconds?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** 0 or -1: unlimited. */
  readonly pidsLimit?: number;
  readonly blkioWeight?: number;
}

export interface ResourceStatistics {
  readonly readAtNanoseconds: bigint;
  readonly cpu: {
    readonly totalNanoseconds: number;
    readonly userNanoseconds: number;
    readonly systemNanoseconds: number;
    readonly perCpuNanoseconds: readonly number[];
    /** CPU time of the whole host since boot, from /proc/stat. */
    readonly hostTotalNanoseconds: number;
    readonly onlineCpus: number;
    readonly throttling: {
      readonly periods: number;
      readonly throttledPeriods: number;
      readonly throttledNanoseconds: number;
    };
  };
  readonly memory: {
    readonly usageBytes: number;
    readonly maximumUsageBytes: number;
    readonly limitBytes: number;
    readonly failures: number;
    /** memory.stat, as the kernel names the fields. */
    readonly details: Readonly<Record<string, number>>;
  };
  readonly pids: { readonly current: number; readonly limit: number | undefined };
  /** blkio.throttle.io_service_bytes / io.stat, one row a device and operation. */
  readonly blockIo: readonly {
    readonly major: number;
    readonly minor: number;
    readonly operation: string;
    readonly bytes: number;
  }[];
  readonly cgroupVersion: 1 | 2;
}

export interface Runtime {
  /**
   * Creates cgroups, mounts and namespaces and starts the process. Resolves when exec() succeeded. On failure nothing is
   * left, and the CortenError has code `command-not-found`, `command-not-executable`, `launch-failed`, … naming the
   * operation that failed.
   */
  launch(request: LaunchRequest): Promise<RunningContainer>;
  /** After a restart: the running container, or how it ended, or undefined when neither monitor nor exit record exists. */
  recover(
    record: ProcessRecord,
    configuration: OciRuntimeConfiguration,
  ): Promise<RunningContainer | ExitRecord | undefined>;
  /** Removes cgroups and files of a container that is not running. Never stops at the first error. */
  discard(id: string, stateDirectory: string, cgroupPath: string): Promise<void>;
  /** Ids of containers that have a state directory, a monitor or a cgroup of this daemon: for reconciliation. */
  leftovers(): Promise<readonly { readonly id: string; readonly what: 'process' | 'cgroup' | 'directory' }[]>;
}

export type {
  OciCapabilities,
  OciDevice,
  OciDeviceRule,
  OciLinux,
  OciMount,
  OciNamespace,
  OciProcess,
  OciResources,
  OciRuntimeConfiguration,
  OciSeccomp,
  OciSyscallRule,
} from './oci.ts';
export type { LogTarget } from './plan.ts';
