import type { Readable } from 'node:stream';
import { type Database, type Log, now, type Service } from '../base/index.ts';
import { bootstrapImage } from './bootstrap.ts';
import { Catalog } from './catalog.ts';
import { collectAll } from './collect.ts';
import { ContentStore } from './content-store.ts';
import type { ImageContext } from './context.ts';
import { historyOf } from './history.ts';
import { ImageIndex, parseTag } from './images.ts';
import { importImage } from './import.ts';
import { defaultUnpackLimits, type UnpackLimits } from './layer-writer.ts';
import { LayerStore } from './layers.ts';
import { loadArchive } from './load.ts';
import { Pins } from './pins.ts';
import { familiarReference, parseReference } from './reference.ts';
import { type ImageUsage, pruneImages, removeImage } from './removal.ts';
import { saveImages } from './save.ts';
import { SnapshotStore } from './snapshots.ts';
import type {
  HistoryEntry,
  Image,
  ImageChange,
  ImageRemoval,
  ImageStore,
  Progress,
  ReportProgress,
  Snapshots,
} from './types.ts';
import { DiskWorkers } from './workers.ts';

export interface ImageStoreOptions {
  readonly database: Database;
  readonly dataRoot: string;
  readonly log: Log;
  /** What one layer may unpack to. */
  readonly limits?: Partial<UnpackLimits>;
}

/** The image store as a service, with the containers' writable layers on top of its layers. */
export interface ImageService extends ImageStore, Service {
  readonly snapshots: Snapshots;
}

/**
 * Everything about images below `dataRoot`: blobs/, layers/ and containers-rw/. start() must have resolved before
 * anything else is called; it finishes or undoes what a crash interrupted.
 */
export function createImageStore(options: ImageStoreOptions): ImageService {
  return new LocalImageStore(options);
}

class LocalImageStore implements ImageService {
  readonly name = 'images';
  readonly snapshots: SnapshotStore;
  readonly #context: ImageContext;
  readonly #listeners: ((change: ImageChange) => void)[] = [];
  #usage: ImageUsage = () => [];

  constructor({ database, dataRoot, log, limits }: ImageStoreOptions) {
    const catalog = new Catalog(database);
    const content = new ContentStore(dataRoot);
    const workers = new DiskWorkers();
    const unpackLimits = { ...defaultUnpackLimits, ...limits };
    const layers = new LayerStore({ dataRoot, catalog, content, workers, limits: unpackLimits, log });
    const notify = (change: ImageChange): void => {
      for (const listener of this.#listeners) listener(change);
    };
    const index = new ImageIndex(catalog, layers);
    this.#context = { catalog, content, layers, index, workers, pins: new Pins(), log, notify };
    this.snapshots = new SnapshotStore(this.#context, dataRoot);
  }

  async start(): Promise<void> {
    await this.#context.layers.start();
    await this.#context.index.start(this.#context.content);
    await this.snapshots.start();
    await collectAll(this.#context);
  }

  async stop(): Promise<void> {
    await this.snapshots.settled();
    await this.#context.layers.settled();
    await this.#context.workers.stop();
  }

  list(): readonly Image[] {
    const { index } = this.#context;
    return index
      .all()
      .map((image) => index.describe(image))
      .toSorted((a, b) => (a.created < b.created ? 1 : Number(a.created > b.created) * -1 || (a.id < b.id ? -1 : 1)));
  }

  resolve(reference: string): Image {
    const { index } = this.#context;
    return index.describe(index.resolve(reference));
  }

  history(reference: string): readonly HistoryEntry[] {
    return historyOf(this.#context, this.#context.index.resolve(reference));
  }

  tag(reference: string, target: string): void {
    const { index, notify } = this.#context;
    const tag = parseTag(target);
    const image = index.resolve(reference);
    index.setReference(tag, image.id, now());
    notify({ kind: 'tag', id: image.id, reference: familiarReference(parseReference(tag)) });
  }

  remove(
    reference: string,
    options: { readonly force: boolean; readonly prune: boolean },
  ): Promise<readonly ImageRemoval[]> {
    return removeImage(this.#context, this.#usage, reference, options);
  }

  prune(options: { readonly dangling: boolean; readonly matches: (image: Image) => boolean }): Promise<{
    readonly removals: readonly ImageRemoval[];
    readonly spaceReclaimed: number;
  }> {
    return pruneImages(this.#context, this.#usage, options);
  }

  load(
    archive: Readable,
    report: ReportProgress,
    signal: AbortSignal,
  ): Promise<readonly { readonly id: string; readonly reference: string | undefined }[]> {
    return loadArchive(this.#context, archive, report, signal);
  }

  save(references: readonly string[]): Promise<Readable> {
    return saveImages(this.#context, references);
  }

  async import(
    archive: Readable,
    options: Parameters<ImageStore['import']>[1],
    report: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<Image> {
    const { index } = this.#context;
    return index.describe(await importImage(this.#context, archive, options, report, signal));
  }

  async bootstrap(reference: string, report: ReportProgress, signal: AbortSignal): Promise<Image> {
    const { index, notify } = this.#context;
    const image = index.describe(await bootstrapImage(this.#context, reference, report, signal));
    notify({ kind: 'import', id: image.id, reference: familiarReference(parseReference(parseTag(reference))) });
    return image;
  }

  setUsage(inUse: ImageUsage): void {
    this.#usage = inUse;
  }

  onChange(listener: (change: ImageChange) => void): void {
    this.#listeners.push(listener);
  }

  async diskUsage(): Promise<{
    readonly layersSize: number;
    readonly images: ReadonlyMap<string, { readonly sharedSize: number }>;
  }> {
    const { index, layers } = this.#context;
    const users = new Map<string, number>();
    for (const image of index.all()) {
      for (const diffId of new Set(image.configuration.diffIds)) users.set(diffId, (users.get(diffId) ?? 0) + 1);
    }
    const sharedSize = (diffIds: readonly string[]): number =>
      [...new Set(diffIds)]
        .filter((diffId) => (users.get(diffId) ?? 0) > 1)
        .reduce((sum, diffId) => sum + (layers.get(diffId)?.size ?? 0), 0);
    return {
      layersSize: layers.all().reduce((sum, layer) => sum + layer.size, 0),
      images: new Map(index.all().map((image) => [image.id, { sharedSize: sharedSize(image.configuration.diffIds) }])),
    };
  }
}
