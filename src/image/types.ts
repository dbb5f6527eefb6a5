import type { Readable } from 'node:stream';

export interface Platform {
  /** "linux" */
  readonly os: string;
  /** "amd64", "arm64", … (Go's names, as OCI has them) */
  readonly architecture: string;
  readonly variant?: string;
}

/** The part of an OCI image configuration that a container inherits. */
export interface ImageDefaults {
  readonly user: string;
  readonly exposedPorts: readonly string[];
  readonly env: readonly string[];
  readonly entrypoint: readonly string[] | undefined;
  readonly command: readonly string[] | undefined;
  readonly volumes: readonly string[];
  readonly workingDirectory: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string | undefined;
  readonly shell: readonly string[] | undefined;
  readonly onBuild: readonly string[];
  readonly healthcheck: ImageHealthcheck | undefined;
}

/** Durations in nanoseconds, 0 = inherit, as the image specification's Docker extension has them. */
export interface ImageHealthcheck {
  readonly test: readonly string[];
  readonly intervalNanoseconds: number;
  readonly timeoutNanoseconds: number;
  readonly startPeriodNanoseconds: number;
  readonly startIntervalNanoseconds: number;
  readonly retries: number;
}

export interface Image {
  /** "sha256:…" of the configuration blob: what Docker calls the image id. */
  readonly id: string;
  /** Familiar references: "busybox:latest", "registry:5000/a/b:1". */
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly parent: string;
  readonly comment: string;
  readonly author: string;
  readonly created: string;
  readonly platform: Platform;
  readonly defaults: ImageDefaults;
  /** Diff ids, bottom first. */
  readonly layers: readonly string[];
  /** Bytes of the unpacked layers. */
  readonly size: number;
  readonly lastTagged: string | undefined;
}

export interface HistoryEntry {
  /** Image id for the topmost entry, "<missing>" for the others, as Docker shows them. */
  readonly id: string;
  readonly createdSeconds: number;
  readonly createdBy: string;
  readonly tags: readonly string[];
  readonly size: number;
  readonly comment: string;
}

/** One line of what `rmi` did. */
export type ImageRemoval = { readonly untagged: string } | { readonly deleted: string };

/** Progress of long work, told in the Engine API's terms. */
export interface Progress {
  readonly status: string;
  readonly id?: string;
  readonly current?: number;
  readonly total?: number;
}

export type ReportProgress = (progress: Progress) => void;

export interface ImageChange {
  readonly kind: 'tag' | 'untag' | 'delete' | 'load' | 'import' | 'prune' | 'save';
  readonly id: string;
  readonly reference: string | undefined;
}

export interface ImageStore {
  list(): readonly Image[];
  /** By id, unique id prefix, tag or digest reference. Throws not-found `image-not-found`, invalid-argument `invalid-reference`. */
  resolve(reference: string): Image;
  history(reference: string): readonly HistoryEntry[];
  tag(reference: string, target: string): void;
  /**
   * Docker's rules: a tag is removed; the image goes with its last one. `inUse` says which containers use an image id.
   * Throws conflict `image-in-use`.
   */
  remove(
    reference: string,
    options: { readonly force: boolean; readonly prune: boolean },
  ): Promise<readonly ImageRemoval[]>;
  /** dangling only, or all that no container uses. `keep` is consulted for filters. */
  prune(options: { readonly dangling: boolean; readonly matches: (image: Image) => boolean }): Promise<{
    readonly removals: readonly ImageRemoval[];
    readonly spaceReclaimed: number;
  }>;
  /** Docker's archive or an OCI layout; gzip, zstd or plain. Yields the references or ids that were loaded. */
  load(
    archive: Readable,
    report: ReportProgress,
    signal: AbortSignal,
  ): Promise<readonly { readonly id: string; readonly reference: string | undefined }[]>;
  /** A tar stream holding both Docker's manifest.json and an OCI layout. Validates the references before the first byte. */
  save(references: readonly string[]): Promise<Readable>;
  /** A root file system tar becomes a one-layer image. `changes` are Dockerfile instructions (CMD, ENV, …). */
  import(
    archive: Readable,
    options: {
      readonly reference?: string;
      readonly message?: string;
      readonly changes: readonly string[];
      readonly platform?: Platform;
    },
    report: ReportProgress,
    signal: AbortSignal,
  ): Promise<Image>;
  /**
   * Where no registry can be reached: "busybox" from Debian's busybox-static, "debian:SUITE" by mmdebstrap from the
   * distribution's package mirror.
   */
  bootstrap(reference: string, report: ReportProgress, signal: AbortSignal): Promise<Image>;
  /** Called by the engine so that rmi knows what is in use. */
  setUsage(inUse: (imageId: string) => readonly { readonly containerId: string; readonly running: boolean }[]): void;
  onChange(listener: (change: ImageChange) => void): void;
  /** Bytes of all unpacked layers, each counted once; and how many images share each. */
  diskUsage(): Promise<{
    readonly layersSize: number;
    readonly images: ReadonlyMap<string, { readonly sharedSize: number }>;
  }>;
}

/** A file that differs between a container's writable layer and its image. kind: 0 modified, 1 added, 2 deleted. */
export interface FilesystemChange {
  readonly path: string;
  readonly kind: 0 | 1 | 2;
}

/** Writable layers of containers on top of images' unpacked layers (the `snapshots` of design.md). */
export interface Snapshots {
  /** Makes the writable layer (upper and work directories, empty). Idempotent. */
  prepare(containerId: string, imageId: string): Promise<void>;
  /** What the runtime mounts. Throws not-found when it was not prepared. */
  root(containerId: string): import('../runtime/types.ts').RootFilesystem;
  /**
   * An O_PATH-able directory descriptor of the merged view of a container that is not running: a detached mount,
   * which vanishes with the descriptor. The caller closes it.
   */
  openMerged(containerId: string): number;
  remove(containerId: string): Promise<void>;
  changes(containerId: string): Promise<readonly FilesystemChange[]>;
  /** Bytes in the writable layer. */
  usage(containerId: string): Promise<number>;
  /** Containers that have a writable layer. For reconciliation. */
  containers(): readonly string[];
  /** Layer directories of an image, topmost first, with the diff id of each: for `explain CONTAINER PATH`. */
  layerDirectories(imageId: string): readonly { readonly directory: string; readonly diffId: string }[];
}
