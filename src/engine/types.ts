import type { Readable } from 'node:stream';
import type { Timestamp } from '../base/index.ts';
import type { FilesystemChange, Image, ImageHealthcheck, ImageStore } from '../image/types.ts';
import type {
  EndpointRecord,
  InterfaceStatistics,
  Network,
  NetworkExplanation,
  NetworkService,
  PortProtocol,
} from '../network/types.ts';
import type { Attachment, AttachOptions, ResourceLimits, ResourceStatistics } from '../runtime/types.ts';
import type { VolumeStore } from '../volume/types.ts';

/**
 * What the APIs speak about. Nothing here knows the Docker API: api/docker translates. All ids are 64 hex digits;
 * every method that takes a `reference` accepts an id, a unique id prefix or a name (with or without "/"), and throws
 * not-found `container-not-found` or invalid-argument `ambiguous-reference`.
 */

export interface PortBinding {
  readonly containerPort: number;
  readonly protocol: PortProtocol;
  readonly hostAddress: string;
  /** "" (system chooses), "8080", or a range "8000-8010" to choose from. */
  readonly hostPort: string;
}

export type MountRequest =
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly propagation: string;
      readonly createSource: boolean;
      readonly recursive: boolean;
    }
  | {
      readonly type: 'volume';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly noCopy: boolean;
      readonly subpath: string;
      readonly labels: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      readonly sizeBytes: number | undefined;
      readonly mode: number | undefined;
      readonly options: readonly string[];
    };

/** A mount as it was resolved for a container: what inspect shows and what the runtime mounts. */
export interface MountPoint {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** Volume name. */
  readonly name: string | undefined;
  /** Host path. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly propagation: string;
  readonly recursive: boolean;
  readonly options: readonly string[];
  /** How the user wrote it ("z", "ro", …). */
  readonly mode: string;
}

export type RestartPolicyName = 'no' | 'always' | 'on-failure' | 'unless-stopped';

export interface RestartPolicy {
  readonly name: RestartPolicyName;
  /** Only for on-failure; 0 is without limit. */
  readonly maximumRetryCount: number;
}

export interface LogConfiguration {
  readonly driver: 'json-file' | 'local' | 'none';
  /** As given: max-size, max-file. */
  readonly options: Readonly<Record<string, string>>;
}

export interface DeviceMapping {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Subset of "rwm". */
  readonly permissions: string;
}

/** What a container is made from; image defaults are not yet merged in. */
export interface ContainerConfiguration {
  readonly image: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly user: string;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly env: readonly string[];
  /** undefined: the image's. An empty list is an explicit nothing. */
  readonly command: readonly string[] | undefined;
  /** undefined: the image's. [""] or [] clears it (and the image's command with it). */
  readonly entrypoint: readonly string[] | undefined;
  readonly workingDirectory: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly stopSignal: string | undefined;
  readonly stopTimeoutSeconds: number | undefined;
  readonly healthcheck: ImageHealthcheck | undefined;
  readonly shell: readonly string[] | undefined;
  readonly networkDisabled: boolean;
  readonly host: HostConfiguration;
}

export interface HostConfiguration {
  readonly binds: readonly string[];
  readonly mounts: readonly MountRequest[];
  readonly volumesFrom: readonly string[];
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly portBindings: readonly PortBinding[];
  readonly publishAllPorts: boolean;
  /** "default" | "bridge" | "none" | "host" | "container:X" | a network's name */
  readonly networkMode: string;
  readonly macAddress: string;
  /** "" (private) | "host" | "container:X" */
  readonly pidMode: string;
  /** "" | "private" | "shareable" | "host" | "none" | "container:X" */
  readonly ipcMode: string;
  /** "" | "host" */
  readonly utsMode: string;
  /** "" | "host" | "private" */
  readonly cgroupnsMode: string;
  readonly usernsMode: string;
  readonly cgroupParent: string;
  readonly restartPolicy: RestartPolicy;
  readonly autoRemove: boolean;
  readonly log: LogConfiguration;
  readonly init: boolean | undefined;
  readonly privileged: boolean;
  readonly readOnlyRoot: boolean;
  readonly capabilitiesAdded: readonly string[];
  readonly capabilitiesDropped: readonly string[];
  readonly securityOptions: readonly string[];
  readonly groupsAdded: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly extraHosts: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly shmSizeBytes: number;
  readonly oomScoreAdjust: number;
  readonly devices: readonly DeviceMapping[];
  readonly deviceCgroupRules: readonly string[];
  readonly maskedPaths: readonly string[] | undefined;
  readonly readOnlyPaths: readonly string[] | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  /** As given ([height, width]); only the first start of a terminal uses it. */
  readonly consoleSize: readonly [number, number];
  readonly resources: ResourceLimits;
  /** Billionths of a CPU (docker --cpus); 0 is unset. Kept apart because inspect shows it. */
  readonly nanoCpus: number;
  /** The API request's untranslated HostConfig, so that inspect gives back what was sent. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** One status, with the rules of what may follow from it in engine/status.ts; never overlapping booleans. */
export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export type HealthStatus = 'none' | 'starting' | 'healthy' | 'unhealthy';

export interface HealthProbe {
  readonly start: Timestamp;
  readonly end: Timestamp;
  readonly exitCode: number;
  readonly output: string;
}

export interface ContainerState {
  readonly status: ContainerStatus;
  readonly pid: number;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  readonly startedAt: Timestamp;
  readonly finishedAt: Timestamp;
  readonly restartCount: number;
  /** undefined when the container has no health check. */
  readonly health:
    | { readonly status: HealthStatus; readonly failingStreak: number; readonly log: readonly HealthProbe[] }
    | undefined;
}

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly created: Timestamp;
  readonly imageId: string;
  readonly configuration: ContainerConfiguration;
  /** Merged with the image: what runs. */
  readonly effective: {
    readonly hostname: string;
    readonly env: readonly string[];
    readonly entrypoint: readonly string[];
    readonly command: readonly string[];
    readonly path: string;
    readonly args: readonly string[];
    readonly workingDirectory: string;
    readonly user: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly exposedPorts: readonly string[];
    readonly volumes: readonly string[];
    readonly stopSignal: string;
    readonly stopTimeoutSeconds: number;
    readonly healthcheck: ImageHealthcheck | undefined;
  };
  readonly state: ContainerState;
  readonly mounts: readonly MountPoint[];
  readonly endpoint: EndpointRecord | undefined;
  readonly files: {
    readonly hosts: string;
    readonly hostname: string;
    readonly resolvConf: string;
    readonly log: string;
  };
  readonly execIds: readonly string[];
}

export interface ContainerSize {
  readonly writable: number;
  readonly root: number;
}

export interface ExecConfiguration {
  readonly command: readonly string[];
  readonly user: string;
  readonly env: readonly string[];
  readonly workingDirectory: string;
  readonly tty: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly privileged: boolean;
  readonly detachKeys: string;
  readonly consoleSize: readonly [number, number];
}

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly configuration: ExecConfiguration;
  readonly running: boolean;
  readonly exitCode: number | undefined;
  readonly pid: number;
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** Lines from the end; undefined is all. */
  readonly tail: number | undefined;
  readonly sinceNanoseconds: bigint | undefined;
  readonly untilNanoseconds: bigint | undefined;
}

export interface EngineEvent {
  readonly type: 'container' | 'image' | 'network' | 'volume' | 'daemon';
  readonly action: string;
  readonly actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> };
  readonly timeNanoseconds: bigint;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface ContainerUpdate {
  readonly resources: ResourceLimits;
  readonly restartPolicy: RestartPolicy | undefined;
  readonly nanoCpus: number | undefined;
}

export interface ContainerStatistics {
  readonly resources: ResourceStatistics;
  readonly networks: readonly InterfaceStatistics[];
}

export interface CreateResult {
  readonly id: string;
  readonly warnings: readonly string[];
}

/** What the kernel holds for a container. */
export interface ContainerExplanation {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly namespaces: readonly {
    readonly kind: string;
    readonly inode: number;
    readonly sharedWith: readonly string[];
  }[];
  readonly cgroups: readonly {
    readonly controller: string;
    readonly path: string;
    readonly values: Readonly<Record<string, string>>;
  }[];
  readonly mounts: readonly {
    readonly target: string;
    readonly type: string;
    readonly source: string;
    readonly options: string;
  }[];
  readonly layers: readonly { readonly diffId: string; readonly directory: string }[];
  readonly capabilities: { readonly effective: readonly string[]; readonly bounding: readonly string[] };
  readonly seccomp: 'disabled' | 'strict' | 'filter';
  readonly noNewPrivileges: boolean;
  readonly network: NetworkExplanation | undefined;
  /** Answer to `explain CONTAINER PATH`. */
  readonly file?: {
    readonly path: string;
    readonly origin: 'writable-layer' | 'image-layer' | 'mount' | 'missing';
    readonly layer?: string;
    readonly detail: string;
  };
}

export interface LaunchTrace {
  readonly phases: readonly {
    readonly name: string;
    readonly startMilliseconds: number;
    readonly durationMilliseconds: number;
  }[];
}

export interface ContainerFilter {
  (container: Container): boolean;
}

export interface ContainerEngine {
  list(): readonly Container[];
  resolve(reference: string): Container;
  size(id: string): Promise<ContainerSize>;
  create(name: string | undefined, configuration: ContainerConfiguration): Promise<CreateResult>;
  /** not-modified `already-started` when it runs. */
  start(reference: string): Promise<void>;
  stop(
    reference: string,
    options: { readonly timeoutSeconds: number | undefined; readonly signal: string | undefined },
  ): Promise<void>;
  restart(
    reference: string,
    options: { readonly timeoutSeconds: number | undefined; readonly signal: string | undefined },
  ): Promise<void>;
  kill(reference: string, signal: string): Promise<void>;
  pause(reference: string): Promise<void>;
  unpause(reference: string): Promise<void>;
  rename(reference: string, name: string): Promise<void>;
  update(reference: string, update: ContainerUpdate): Promise<{ readonly warnings: readonly string[] }>;
  remove(
    reference: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void>;
  prune(matches: ContainerFilter): Promise<{ readonly removed: readonly string[]; readonly spaceReclaimed: number }>;
  /**
   * Registers at once, so that the caller may answer its headers before the container exits. `exited` rejects with
   * cancelled when `signal` aborts.
   */
  wait(
    reference: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): { readonly exited: Promise<{ readonly exitCode: number; readonly error: string | undefined }> };
  /** `logs`: replay what was written before (attach?logs=1). */
  attach(
    reference: string,
    options: AttachOptions & { readonly logs: boolean; readonly stream: boolean },
  ): Promise<Attachment>;
  resize(reference: string, rows: number, columns: number): Promise<void>;
  /** Frames as the Engine API has them, or raw bytes for a terminal. */
  logs(reference: string, options: LogOptions, signal: AbortSignal): Promise<Readable>;
  /** Host's ps(1) columns for the container's processes. */
  top(
    reference: string,
    psArguments: string,
  ): Promise<{ readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] }>;
  statistics(reference: string): Promise<ContainerStatistics>;
  changes(reference: string): Promise<readonly FilesystemChange[]>;
  /** The merged root file system as a tar stream. */
  export(reference: string): Promise<Readable>;
  explain(reference: string, path: string | undefined): Promise<ContainerExplanation>;
  /** Phases of the last start. */
  trace(reference: string): LaunchTrace;
}

export interface ExecEngine {
  create(containerReference: string, configuration: ExecConfiguration): Exec;
  resolve(id: string): Exec;
  /** Detached: resolves when it runs. */
  startDetached(id: string): Promise<void>;
  /**
   * Begins at once, so that the caller may answer its headers before the process prints: `started` tells whether it runs.
   * @throws not-found, conflict when it may not be started at all
   */
  startAttached(
    id: string,
    consoleSize: readonly [number, number] | undefined,
  ): { readonly attachment: Attachment; readonly started: Promise<void> };
  resize(id: string, rows: number, columns: number): Promise<void>;
}

export interface EventLog {
  publish(event: Omit<EngineEvent, 'timeNanoseconds'>): void;
  /** Past events since `sinceNanoseconds` (of the last 1,000), then live ones until `untilNanoseconds` or the signal. */
  subscribe(options: {
    readonly sinceNanoseconds: bigint | undefined;
    readonly untilNanoseconds: bigint | undefined;
    readonly signal: AbortSignal;
  }): AsyncIterable<EngineEvent>;
}

export interface SystemInformation {
  readonly id: string;
  readonly name: string;
  readonly containers: {
    readonly total: number;
    readonly running: number;
    readonly paused: number;
    readonly stopped: number;
  };
  readonly images: number;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly cgroupVersion: 1 | 2;
  readonly cgroupControllers: readonly string[];
  readonly dataRoot: string;
  readonly storageDriver: string;
  readonly loggingDriver: string;
  readonly securityOptions: readonly string[];
  readonly labels: readonly string[];
  readonly debug: boolean;
  readonly eventListeners: number;
  readonly warnings: readonly string[];
}

export interface DiskUsage {
  readonly layersSize: number;
  readonly images: readonly { readonly image: Image; readonly sharedSize: number; readonly containers: number }[];
  readonly containers: readonly { readonly container: Container; readonly size: ContainerSize }[];
  readonly volumes: readonly { readonly name: string; readonly size: number; readonly references: number }[];
}

/** What every API gets: the whole engine. Built in daemon/. */
export interface Engine {
  readonly containers: ContainerEngine;
  readonly execs: ExecEngine;
  readonly images: ImageStore;
  readonly networks: NetworkService;
  readonly volumes: VolumeStore;
  readonly events: EventLog;
  information(): SystemInformation;
  diskUsage(): Promise<DiskUsage>;
  /** Networks as the APIs list them, with the containers on each. */
  networkContainers(network: Network): readonly { readonly container: Container; readonly endpoint: EndpointRecord }[];
}
