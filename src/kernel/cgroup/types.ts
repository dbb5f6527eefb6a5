/** Limits of one cgroup, in the units of the OCI runtime configuration (bytes, microseconds); -1 is unlimited. */
export interface CgroupResources {
  readonly devices?: readonly DeviceRule[];
  readonly memory?: {
    readonly limit?: number;
    readonly reservation?: number;
    /** Memory and swap together. */
    readonly swap?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly realtimeRuntime?: number;
    readonly realtimePeriod?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: { readonly weight?: number };
}

/** One line of the device access list; rules apply in order and the last that matches decides. */
export interface DeviceRule {
  readonly allow: boolean;
  /** Undefined or "a": every device. */
  readonly type?: 'a' | 'c' | 'b';
  /** Undefined: every number. */
  readonly major?: number;
  readonly minor?: number;
  /** Subset of "rwm"; undefined is all. */
  readonly access?: string;
}

export interface CgroupStatistics {
  readonly cpu: {
    readonly totalNanoseconds: number;
    readonly userNanoseconds: number;
    readonly systemNanoseconds: number;
    readonly perCpuNanoseconds: readonly number[];
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
    readonly details: Readonly<Record<string, number>>;
  };
  readonly pids: { readonly current: number; readonly limit: number | undefined };
  readonly blockIo: readonly {
    readonly major: number;
    readonly minor: number;
    readonly operation: string;
    readonly bytes: number;
  }[];
}

/** How a container gets to see its own part of the hierarchy below /sys/fs/cgroup. */
export interface CgroupView {
  /** Names below /sys/fs/cgroup, each with the host directory that is shown there. */
  readonly binds: readonly { readonly name: string; readonly source: string }[];
  /** Further names for co-mounted controllers, e.g. cpu -> cpu,cpuacct. */
  readonly links: readonly { readonly name: string; readonly target: string }[];
}

export interface CgroupExplanation {
  readonly controller: string;
  readonly path: string;
  readonly values: Readonly<Record<string, string>>;
}

/** Which limits the running kernel and the mounted hierarchies can honour. */
export interface CgroupCapabilities {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly memoryLimit: boolean;
  readonly swapLimit: boolean;
  readonly memoryReservation: boolean;
  readonly memorySwappiness: boolean;
  readonly oomKillDisable: boolean;
  readonly cpuShares: boolean;
  readonly cpuCfs: boolean;
  readonly cpuRealtime: boolean;
  readonly cpuset: boolean;
  readonly pids: boolean;
  readonly blkioWeight: boolean;
  readonly devices: boolean;
  /** Lists like "0-3" of what a container may ask for. */
  readonly cpus: string;
  readonly mems: string;
}

/**
 * The control groups of one process tree. A `path` is the name of a group as the OCI configuration gives it: absolute
 * ones count from the hierarchy's mount point, relative ones from the group that the daemon itself lives in.
 *
 * Life of a group: create (limits set before a process is in it), processes join its `directories`, statistics and
 * changes while it runs, remove once it is empty. Failed writes throw KernelError with the file's path.
 */
export interface CgroupManager {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  capabilities(): CgroupCapabilities;
  /** Makes the group. An empty group of that name, left by a crash, is replaced; EBUSY when one has processes. */
  create(path: string, resources: CgroupResources): void;
  /** Directories into whose cgroup.procs a process writes itself. */
  directories(path: string): readonly string[];
  exists(path: string): boolean;
  /** Changes only what is given. */
  update(path: string, resources: CgroupResources): void;
  /** Resolves when every process of the group has stopped. */
  freeze(path: string): Promise<void>;
  thaw(path: string): Promise<void>;
  /** SIGKILL to all processes of the group and of groups below it; new ones forked meanwhile included. */
  killAll(path: string): Promise<void>;
  /** Processes of the group and of those below it. */
  processes(path: string): readonly number[];
  statistics(path: string): CgroupStatistics;
  /** How many processes the kernel's out-of-memory killer has ended in the group. */
  oomKills(path: string): number;
  /** Names of the groups directly below `path`. */
  children(path: string): readonly string[];
  /** Removes the group and the groups below it; waits up to 10 s for exiting processes. No error when it is gone. */
  remove(path: string): Promise<void>;
  view(path: string): CgroupView;
  explain(path: string): readonly CgroupExplanation[];
}
