/**
 * A launch plan: the ordered list of primitive operations that the native program carries out between
 * clone() and exec(). It holds no policy: everything is decided before it is made. When an operation
 * fails, the native program reports its index and errno, and we name it to the user.
 *
 * The wire form (little-endian, length-prefixed) is written by encode.ts and read by native/plan.c.
 */
export type NamespaceKind = 'mount' | 'pid' | 'network' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time';

/** Index into LaunchPlan.descriptors: files that the daemon opened and hands to the monitor. */
export type DescriptorIndex = number;

export interface MountAttributes {
  readonly readOnly?: boolean;
  readonly noSuid?: boolean;
  readonly noDev?: boolean;
  readonly noExec?: boolean;
  readonly atime?: 'relatime' | 'noatime' | 'strictatime';
  readonly noDirAtime?: boolean;
}

export type Propagation =
  | 'private'
  | 'slave'
  | 'shared'
  | 'unbindable'
  | 'rprivate'
  | 'rslave'
  | 'rshared'
  | 'runbindable';

export type PlanOperation =
  /** Writes "0" into cgroup.procs of each directory. Before the cgroup namespace is unshared, or its root is wrong. */
  | { readonly op: 'join-cgroups'; readonly directories: readonly string[] }
  | { readonly op: 'join-namespace'; readonly namespace: NamespaceKind; readonly descriptor: DescriptorIndex }
  | { readonly op: 'unshare'; readonly namespaces: readonly NamespaceKind[] }
  | { readonly op: 'root-propagation'; readonly propagation: Propagation }
  /** Mounts the container's overlay at `target` (an existing host directory), inside the new mount namespace only. */
  | {
      readonly op: 'root-overlay';
      readonly target: string;
      /** Directory that `lower` names are relative to: keeps the option string under the kernel's page limit. */
      readonly layersDirectory: string;
      /** Topmost first. */
      readonly lower: readonly string[];
      readonly upper: string;
      readonly work: string;
      /** No sync at unmount: for containers that are removed on exit. */
      readonly volatile: boolean;
    }
  | { readonly op: 'root-bind'; readonly source: string; readonly target: string }
  /** From here to pivot-root, every path is resolved below the root with openat2(RESOLVE_IN_ROOT). */
  | {
      readonly op: 'mount';
      readonly type: string;
      readonly source: string;
      readonly path: string;
      readonly attributes: MountAttributes;
      /** fsconfig keys: "mode=755", or a flag without "=". */
      readonly options: readonly string[];
    }
  | {
      readonly op: 'bind';
      /** Host path, resolved by the daemon's own namespace; or an opened file. */
      readonly source: string | { readonly descriptor: DescriptorIndex };
      readonly path: string;
      readonly recursive: boolean;
      readonly attributes: MountAttributes;
      readonly propagation?: Propagation;
      /** Create the target when missing, of the source's own kind (file or directory). */
      readonly createTarget: boolean;
    }
  | {
      readonly op: 'device';
      readonly path: string;
      readonly type: 'c' | 'b' | 'p';
      readonly major: number;
      readonly minor: number;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly op: 'directory';
      readonly path: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly op: 'symlink'; readonly path: string; readonly target: string }
  /** Takes the terminal from /dev/pts of the container (TIOCGPTPEER), binds it on /dev/console, hands the master to the monitor. */
  | { readonly op: 'terminal'; readonly rows: number; readonly columns: number; readonly bindConsole: boolean }
  /** For exec: a terminal of the container's devpts, without a /dev/console. */
  | { readonly op: 'mask'; readonly path: string }
  | { readonly op: 'read-only-path'; readonly path: string }
  /** `key` in the slash form below /proc/sys; written through a procfs descriptor that was proven to be procfs. */
  | { readonly op: 'sysctl'; readonly key: string; readonly value: string }
  | { readonly op: 'hostname'; readonly name: string }
  | { readonly op: 'domainname'; readonly name: string }
  | { readonly op: 'pivot-root'; readonly readOnly: boolean; readonly propagation: Propagation }
  | { readonly op: 'rlimit'; readonly resource: number; readonly soft: bigint; readonly hard: bigint }
  | { readonly op: 'oom-score-adjust'; readonly value: number }
  | { readonly op: 'umask'; readonly mask: number }
  /** Creates the working directory when missing (as Docker does), changes to it, and checks that it is inside the root. */
  | { readonly op: 'working-directory'; readonly path: string; readonly create: boolean }
  /**
   * Sets ids and capabilities in the one order the kernel allows (keepcaps, bounding set, groups, gid, uid, sets).
   * Bit masks; the inheritable set is always emptied.
   */
  | {
      readonly op: 'credentials';
      readonly uid: number;
      readonly gid: number;
      readonly groups: readonly number[];
      readonly bounding: bigint;
      readonly permitted: bigint;
      readonly effective: bigint;
      readonly ambient: bigint;
    }
  | { readonly op: 'no-new-privileges' }
  /** A compiled classic BPF program (array of struct sock_filter). */
  | { readonly op: 'seccomp'; readonly filter: Uint8Array }
  /** Last. `init`: stay as PID 1, forward signals and reap, with the command as a child. */
  | {
      readonly op: 'exec';
      readonly arguments: readonly string[];
      readonly environment: readonly string[];
      readonly init: boolean;
    };

export type PlanOperationName = PlanOperation['op'];

/** Where the container's output is kept, written by the monitor so that it survives the daemon. */
export interface LogTarget {
  /** json-file: one JSON object a line; local: framed binary records; none: nothing is written. */
  readonly driver: 'json-file' | 'local' | 'none';
  readonly path: string;
  /** Bytes after which the file is rotated (path -> path.1 -> path.2 …); 0 is never. */
  readonly maximumSize: number;
  /** Files kept, the current one included; at least 1. */
  readonly maximumFiles: number;
}

/** A TCP listener of the host that the monitor relays by splice (for IPv6 host addresses, which NAT cannot map to IPv4). */
export interface Relay {
  readonly listener: DescriptorIndex;
  /** IPv4 dotted address of the container. */
  readonly address: string;
  readonly port: number;
}

export interface MonitorSetup {
  /** Path of the unix socket (0600) that serves attach and control. */
  readonly socketPath: string;
  /** Where the exit record is written: temporary name, fsync, rename. */
  readonly exitPath: string;
  readonly terminal: boolean;
  /** false: /dev/null is the process's standard input. */
  readonly openStdin: boolean;
  /** Close the standard input when the first attached client that had it goes away. */
  readonly stdinOnce: boolean;
  readonly log: LogTarget;
  readonly relays: readonly Relay[];
  /** Descriptors held open for the container's life without being read: ports reserved on the host. */
  readonly held: readonly DescriptorIndex[];
  /**
   * Keep the mount namespace alive until the exit was recorded: its overlay's unmount syncs dirty pages for up
   * to 700 ms, which must not delay the exit.
   */
  readonly deferUnmount: boolean;
}

export interface LaunchPlan {
  readonly monitor: MonitorSetup;
  /** Namespaces that clone3 creates. The cgroup and time namespaces come later, by `unshare`. */
  readonly cloneNamespaces: readonly NamespaceKind[];
  /** PID namespace to join before clone3: it applies to children only. */
  readonly pidNamespace?: DescriptorIndex;
  /** cgroup v2 directory for CLONE_INTO_CGROUP. */
  readonly cloneIntoCgroup?: DescriptorIndex;
  readonly operations: readonly PlanOperation[];
  /** Numbers of open files of the daemon. */
  readonly descriptors: readonly number[];
}
