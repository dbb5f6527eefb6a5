import { join } from 'node:path';
import type { Database, KeyedMutex, Log } from '../base/index.ts';
import type { ImageStore, Snapshots } from '../image/types.ts';
import type { CgroupCapabilities, CgroupManager } from '../kernel/index.ts';
import type { NetworkService } from '../network/types.ts';
import type { AttachedClient, Attachment, AttachOptions, RunningContainer, Runtime } from '../runtime/types.ts';
import type { Volume, VolumeStore } from '../volume/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import type { ContainerTable } from './container-table.ts';
import type { EventLogWithListeners } from './events.ts';
import type { ProbeResult } from './health.ts';
import type { ImageHolds } from './image-holds.ts';
import type { RootFiles } from './root-files.ts';
import type { ContainerStore } from './store.ts';
import type { Container, LogConfiguration } from './types.ts';

/** Defaults of the daemon that containers inherit; they may change while it runs (SIGHUP). */
export interface EngineSettings {
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly log: LogConfiguration;
  readonly labels: readonly string[];
  readonly debug: boolean;
}

/** A volume store that can also fill an empty volume from an image. */
export interface EngineVolumes extends VolumeStore {
  copyUp(imageRoot: number, path: string, volume: Volume): Promise<boolean>;
}

/** The two ends of a connection that is made before its process: one for the runtime's launch, one for the client. */
export interface AttachmentPair {
  readonly client: AttachedClient;
  readonly attachment: Attachment;
}

/** Timers and time, so that tests need not wait. */
export interface EngineClock {
  nowNanoseconds(): bigint;
  /** Runs `action` once after `milliseconds`; the result takes it back. */
  after(milliseconds: number, action: () => void): () => void;
}

/**
 * Called between the steps of every change. The daemon passes none; tests of crash safety pass one that never returns at a step
 * of their choice.
 */
export type Failpoint = (step: string) => Promise<void>;

export interface EngineDependencies {
  readonly database: Database;
  readonly runtime: Runtime;
  readonly images: ImageStore;
  readonly snapshots: Snapshots;
  readonly networks: NetworkService;
  readonly volumes: EngineVolumes;
  readonly events: EventLogWithListeners;
  readonly log: Log;
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Parent directory of the containers' cgroups, below each controller: one of this daemon's own. */
  readonly cgroupParent: string;
  readonly cgroups: Pick<CgroupManager, 'version' | 'capabilities' | 'explain'>;
  readonly pairAttachment: (options: AttachOptions) => AttachmentPair;
  readonly settings: () => EngineSettings;
  readonly clock: EngineClock;
  readonly failpoint?: Failpoint;
}

/** What containers need of the processes that are added to them. */
export interface ExecRunner {
  probe(
    entry: ContainerEntry,
    process: RunningContainer,
    command: readonly string[],
    signal: AbortSignal,
  ): Promise<ProbeResult>;
  forget(containerId: string): void;
}

/** What the parts of the engine share: the dependencies, and the containers. */
export interface EngineContext extends EngineDependencies {
  readonly store: ContainerStore;
  readonly table: ContainerTable;
  /** Which limits this kernel can honour. */
  readonly limits: CgroupCapabilities;
  readonly imageHolds: ImageHolds;
  readonly rootFiles: RootFiles;
  readonly execs: ExecRunner;
  /** `active`: restarts may be scheduled. `stopped`: what containers do from now on is the next daemon's to record. */
  readonly lifecycle: { active: boolean; stopped: boolean };
  /** What a policy does with a container that ended; each waits for its turn in the container's mutex. */
  readonly afterExit: { remove(entry: ContainerEntry): Promise<void>; restart(entry: ContainerEntry): Promise<void> };
  /** One change of a container at a time, by id. Only short steps run in it: nobody waits for a process inside. */
  readonly mutex: KeyedMutex;
  /** Work of a short, bounded kind that runs on its own: awaited when the engine stops, logged when it fails. */
  background(what: string, work: Promise<unknown>): void;
  readonly step: Failpoint;
}

export const containersDirectory = ({ dataRoot }: { readonly dataRoot: string }): string =>
  join(dataRoot, 'containers');

/** data-root/containers/ID: what outlives a run. */
export const containerDirectory = (context: { readonly dataRoot: string }, id: string): string =>
  join(containersDirectory(context), id);

/** exec-root/containers/ID: the monitor's socket and the exit record. */
export const stateDirectory = ({ execRoot }: { readonly execRoot: string }, id: string): string =>
  join(execRoot, 'containers', id);

export function containerFiles(context: { readonly dataRoot: string }, id: string, filesOf = id): Container['files'] {
  const shared = containerDirectory(context, filesOf);
  return {
    hosts: join(shared, 'hosts'),
    hostname: join(shared, 'hostname'),
    resolvConf: join(shared, 'resolv.conf'),
    log: join(containerDirectory(context, id), `${id}-json.log`),
  };
}

/** Publishes a container event with the attributes that Docker gives every one: labels, image, name. */
export function publish(
  { events }: Pick<EngineContext, 'events'>,
  entry: ContainerEntry,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const { configuration, effective } = entry.definition;
  events.publish({
    type: 'container',
    action,
    actor: {
      id: entry.id,
      attributes: { ...effective.labels, ...attributes, image: configuration.image, name: entry.name },
    },
  });
}
