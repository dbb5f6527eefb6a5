export interface Volume {
  readonly name: string;
  readonly driver: 'local';
  /** Absolute path of the data on the host. */
  readonly mountpoint: string;
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly anonymous: boolean;
}

export interface VolumeStore {
  list(): readonly Volume[];
  /** Throws not-found `volume-not-found`. */
  resolve(name: string): Volume;
  /** Idempotent for the same name and options. An undefined name makes an anonymous one (64 hex digits). */
  create(options: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly options?: Readonly<Record<string, string>>;
  }): Volume;
  /** Throws conflict `volume-in-use`. */
  remove(name: string, options: { readonly force: boolean }): Promise<void>;
  prune(options: {
    readonly all: boolean;
    readonly matches: (volume: Volume) => boolean;
  }): Promise<{ readonly removed: readonly string[]; readonly spaceReclaimed: number }>;
  usage(name: string): Promise<number>;
  /** Called by the engine: ids of containers that mount a volume. */
  setUsage(users: (volume: string) => readonly string[]): void;
}
