import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { detach, invalidArgument, notFound } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { mountOverlay } from '../kernel/mount.ts';
import type { RootFilesystem } from '../runtime/types.ts';
import type { SnapshotRow } from './catalog.ts';
import { collect } from './collect.ts';
import type { ImageContext } from './context.ts';
import type { FilesystemChange, Snapshots } from './types.ts';

/**
 * Writable layers: containers-rw/CONTAINER/{upper,work}. The row comes first and goes last: a crash leaves a row
 * without directories, which prepare completes and remove accepts, or a directory without a row, which start removes.
 */
export class SnapshotStore implements Snapshots {
  readonly #context: ImageContext;
  readonly #directory: string;
  readonly #rows = new Map<string, SnapshotRow>();
  readonly #removing = new Set<Promise<void>>();

  constructor(context: ImageContext, dataRoot: string) {
    this.#context = context;
    this.#directory = join(dataRoot, 'containers-rw');
    // 0700: what containers write may be set-user-ID (CVE-2021-41103).
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (const row of context.catalog.snapshots()) this.#rows.set(row.containerId, row);
  }

  /** Starts to remove directories of containers that are gone; a large one must not delay the daemon. */
  async start(): Promise<void> {
    for (const name of readdirSync(this.#directory)) {
      if (!this.#rows.has(name)) this.#removeInBackground(name);
    }
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#removing);
  }

  async prepare(containerId: string, imageId: string): Promise<void> {
    if (!/^[a-zA-Z0-9][\w.-]{0,127}$/.test(containerId)) {
      throw invalidArgument('invalid-container-id', `invalid container id ${JSON.stringify(containerId)}`);
    }
    if (!this.#rows.has(containerId)) this.#record(containerId, imageId);
    const directory = join(this.#directory, containerId);
    const upper = join(directory, 'upper');
    // The root of the merged view has the attributes of this directory. Docker gives it 0755 of root whatever the image's
    // own root has: an image packed from a mkdtemp directory (0700) would be closed to its users otherwise.
    await mkdir(upper, { recursive: true, mode: 0o755 });
    await mkdir(join(directory, 'work'), { recursive: true, mode: 0o700 });
  }

  #record(containerId: string, imageId: string): void {
    const image = this.#context.index.resolve(imageId);
    const row = { containerId, imageId: image.id, layers: image.configuration.diffIds };
    this.#context.catalog.addSnapshot(row);
    this.#rows.set(containerId, row);
  }

  root(containerId: string): RootFilesystem {
    const row = this.#require(containerId);
    return {
      kind: 'overlay',
      layersDirectory: this.#context.layers.directory,
      lower: this.#lowerNames(row),
      upper: join(this.#directory, containerId, 'upper'),
      work: join(this.#directory, containerId, 'work'),
    };
  }

  openMerged(containerId: string): number {
    const row = this.#require(containerId);
    const directory = join(this.#directory, containerId);
    return mountOverlay({
      lower: this.#lowerPaths(row),
      upper: join(directory, 'upper'),
      work: join(directory, 'work'),
    });
  }

  async remove(containerId: string): Promise<void> {
    const row = this.#rows.get(containerId);
    if (row === undefined) return;
    await this.#setAside(containerId);
    this.#context.catalog.removeSnapshot(containerId);
    this.#rows.delete(containerId);
    // An image that was removed by force meanwhile left its layers to this container. The common case is free.
    const orphaned = row.layers.filter((diffId) => !this.#usedByImage(diffId));
    if (orphaned.length > 0) await this.#collect(orphaned);
  }

  #usedByImage(diffId: string): boolean {
    return this.#context.index.all().some((image) => image.configuration.diffIds.includes(diffId));
  }

  async #collect(diffIds: readonly string[]): Promise<void> {
    // Of layers that are not there, or of a damaged row's that never were, there is nothing to collect.
    const layers = diffIds.flatMap((diffId) => this.#context.layers.get(diffId) ?? []);
    await collect(
      this.#context,
      layers.flatMap(({ diffId, blob }) => [diffId, blob]),
    );
  }

  async changes(containerId: string): Promise<readonly FilesystemChange[]> {
    const row = this.#require(containerId);
    const upper = join(this.#directory, containerId, 'upper');
    return this.#context.workers.run<'changes'>({ kind: 'changes', upper, lower: this.#lowerPaths(row) });
  }

  async usage(containerId: string): Promise<number> {
    this.#require(containerId);
    const directory = join(this.#directory, containerId, 'upper');
    return this.#context.workers.run<'usage'>({ kind: 'usage', directory });
  }

  containers(): readonly string[] {
    return [...this.#rows.keys()];
  }

  layerDirectories(imageId: string): readonly { readonly directory: string; readonly diffId: string }[] {
    const { index, layers } = this.#context;
    const { diffIds } = index.resolve(imageId).configuration;
    return layers.lowerNames(diffIds).map(({ name, diffId }) => ({ directory: join(layers.directory, name), diffId }));
  }

  #require(containerId: string): SnapshotRow {
    const row = this.#rows.get(containerId);
    if (row !== undefined) return row;
    throw notFound('snapshot-not-found', `container ${containerId} has no writable layer`);
  }

  #lowerNames(row: SnapshotRow): string[] {
    const names = this.#context.layers.lowerNames(row.layers).map(({ name }) => name);
    // overlayfs wants at least one lower layer; an image made FROM scratch may have none.
    return names.length === 0 ? ['empty'] : names;
  }

  #lowerPaths(row: SnapshotRow): string[] {
    return this.#lowerNames(row).map((name) => join(this.#context.layers.directory, name));
  }

  /** Renames the directory, so that nobody waits until the disk has deleted what may be many files. */
  async #setAside(containerId: string): Promise<void> {
    const name = `.removed-${randomBytes(8).toString('hex')}`;
    try {
      await rename(join(this.#directory, containerId), join(this.#directory, name));
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return;
      throw error;
    }
    this.#removeInBackground(name);
  }

  #removeInBackground(name: string): void {
    const { workers, log } = this.#context;
    const removing = workers
      .run<'remove-tree'>({ kind: 'remove-tree', parent: this.#directory, name })
      .finally(() => this.#removing.delete(removing));
    this.#removing.add(removing);
    detach(log, 'removing a writable layer', removing);
  }
}
