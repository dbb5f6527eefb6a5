import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { dataLoss, detach, invalidArgument, KeyedMutex, type Log } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { readSysctl } from '../kernel/sysctl.ts';
import type { Catalog, LayerRow } from './catalog.ts';
import type { ContentStore } from './content-store.ts';
import type { UnpackLimits } from './layer-writer.ts';
import type { Unpacked } from './tasks.ts';
import type { DiskWorkers } from './workers.ts';

export interface LayerStoreOptions {
  readonly dataRoot: string;
  readonly catalog: Catalog;
  readonly content: ContentStore;
  readonly workers: DiskWorkers;
  readonly limits: UnpackLimits;
  readonly log: Log;
}

/**
 * Unpacked layers: layers/NAME is an overlay lowerdir, shared by all images and containers that have the layer.
 * A layer is unpacked below layers/incoming, renamed, and then recorded. A crash leaves a directory that no row names,
 * which start() removes. What a power cut may have left half written is found by its boot id and unpacked again.
 */
export class LayerStore {
  readonly directory: string;
  readonly #incoming: string;
  readonly #options: LayerStoreOptions;
  readonly #rows = new Map<string, LayerRow>();
  readonly #unpacking = new KeyedMutex();
  readonly #background = new Set<Promise<void>>();

  constructor(options: LayerStoreOptions) {
    this.#options = options;
    this.directory = join(options.dataRoot, 'layers');
    this.#incoming = join(this.directory, 'incoming');
    // 0700: layers hold set-user-ID programs, which nobody but root may reach by path (CVE-2021-41103).
    mkdirSync(this.#incoming, { recursive: true, mode: 0o700 });
    mkdirSync(join(this.directory, 'empty'), { recursive: true, mode: 0o755 });
    for (const row of options.catalog.layers()) this.#rows.set(row.diffId, row);
  }

  /** Begins to remove leftovers of a crash; repairs layers that a power cut may have damaged. */
  async start(): Promise<void> {
    const known = new Set(['incoming', 'empty', ...[...this.#rows.values()].map((row) => row.directory)]);
    for (const name of readdirSync(this.#incoming)) this.#removeLater(this.#incoming, name);
    for (const name of readdirSync(this.directory)) {
      if (!known.has(name)) this.#removeLater(this.directory, name);
    }
    for (const row of this.#rows.values()) {
      const suspect = row.unsyncedBoot !== undefined && row.unsyncedBoot !== bootId();
      if (suspect || !existsSync(this.path(row))) await this.#repair(row);
      else if (row.unsyncedBoot !== undefined) this.#syncLater(row);
    }
  }

  get(diffId: string): LayerRow | undefined {
    return this.#rows.get(diffId);
  }

  require(diffId: string): LayerRow {
    const row = this.#rows.get(diffId);
    if (row === undefined) throw dataLoss('layer-missing', `the layer ${diffId} is missing`);
    return row;
  }

  path(row: LayerRow): string {
    return join(this.directory, row.directory);
  }

  all(): readonly LayerRow[] {
    return [...this.#rows.values()];
  }

  /**
   * Names below `directory` to mount for these diff ids (bottom first), topmost first. A layer that occurs twice is
   * mounted once, at its topmost place, since overlayfs refuses it twice and what is below is hidden anyway.
   */
  lowerNames(diffIds: readonly string[]): { readonly name: string; readonly diffId: string }[] {
    const lower: { readonly name: string; readonly diffId: string }[] = [];
    for (const diffId of diffIds.toReversed()) {
      const row = this.require(diffId);
      if (!lower.some((other) => other.name === row.directory)) lower.push({ name: row.directory, diffId });
      if (row.opaqueRoot) break;
    }
    return lower;
  }

  /**
   * Unpacks a blob unless its layer is there. @param expected the diff id that a configuration states; content that
   * has another one is invalid-argument `diff-id-mismatch`, and nothing of it stays
   */
  async unpack(blob: string, expected: string | undefined): Promise<LayerRow> {
    const task = async (): Promise<LayerRow> => {
      const existing = expected === undefined ? undefined : this.#rows.get(expected);
      return existing ?? (await this.#unpackNew(blob, expected));
    };
    return this.#unpacking.run(expected ?? blob, task);
  }

  async #unpackNew(blob: string, expected: string | undefined): Promise<LayerRow> {
    const name = randomBytes(8).toString('hex');
    const unpacked = await this.#unpackInto(name, blob, expected);
    const existing = this.#rows.get(unpacked.diffId);
    if (existing !== undefined) {
      await this.#removeDirectory(this.#incoming, name);
      return existing;
    }
    await rename(join(this.#incoming, name), join(this.directory, name));
    const row: LayerRow = {
      diffId: unpacked.diffId,
      directory: name,
      size: unpacked.size,
      opaqueRoot: unpacked.opaqueRoot,
      blob,
      unsyncedBoot: bootId(),
    };
    // Another blob with the same content may have been unpacked during the rename.
    const winner = this.#rows.get(row.diffId);
    if (winner !== undefined) {
      await this.#removeDirectory(this.directory, name);
      return winner;
    }
    this.#options.catalog.addLayer(row);
    this.#rows.set(row.diffId, row);
    this.#syncLater(row);
    return row;
  }

  async #unpackInto(name: string, blob: string, expected: string | undefined): Promise<Unpacked> {
    const { workers, content, limits } = this.#options;
    const directory = join(this.#incoming, name);
    await mkdir(directory, { mode: 0o755 });
    try {
      const unpacked = await workers.run<'unpack'>({
        kind: 'unpack',
        blob: content.path(blob),
        blobDigest: blob,
        directory,
        limits,
      });
      if (expected === undefined || unpacked.diffId === expected) return unpacked;
      throw invalidArgument('diff-id-mismatch', `a layer is ${unpacked.diffId}, not ${expected} as its image states`);
    } catch (error) {
      await this.#removeDirectory(this.#incoming, name);
      throw error;
    }
  }

  async #repair(row: LayerRow): Promise<void> {
    const { log, content } = this.#options;
    if ((await content.size(row.blob)) === undefined) {
      log.error({ diffId: row.diffId }, 'a layer may be damaged by a power cut, and its blob is missing');
      return;
    }
    log.warn({ diffId: row.diffId }, 'a layer may be damaged by a power cut: it is unpacked again');
    const name = randomBytes(8).toString('hex');
    await this.#unpackInto(name, row.blob, row.diffId);
    await this.#removeDirectory(this.directory, row.directory);
    await rename(join(this.#incoming, name), this.path(row));
    this.#syncLater(row);
  }

  /** The user need not wait until the disk has it: the blob is durable, and a layer can be made from it again. */
  #syncLater(row: LayerRow): void {
    const { workers, catalog } = this.#options;
    const sync = async (): Promise<void> => {
      await workers.run<'sync'>({ kind: 'sync', directory: this.directory });
      if (this.#rows.get(row.diffId)?.directory !== row.directory) return;
      catalog.markSynced(row.diffId);
    };
    this.#inBackground('syncing a layer', sync());
  }

  /** Resolves when nothing goes on in the background. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#background);
  }

  /**
   * Removes a layer that nothing refers to: first the row, so that a crash leaves a directory that start() removes.
   * Nobody waits until the disk has deleted thousands of files.
   */
  async remove(diffId: string): Promise<void> {
    const row = this.#rows.get(diffId);
    if (row === undefined) return;
    this.#options.catalog.removeLayer(diffId);
    this.#rows.delete(diffId);
    const name = `removed-${randomBytes(8).toString('hex')}`;
    try {
      await rename(this.path(row), join(this.#incoming, name));
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return;
      throw error;
    }
    this.#removeLater(this.#incoming, name);
  }

  #removeLater(parent: string, name: string): void {
    this.#inBackground('removing a layer', this.#removeDirectory(parent, name));
  }

  #inBackground(what: string, work: Promise<void>): void {
    const running = work.finally(() => this.#background.delete(running));
    this.#background.add(running);
    detach(this.#options.log, what, running);
  }

  async #removeDirectory(parent: string, name: string): Promise<void> {
    await this.#options.workers.run<'remove-tree'>({ kind: 'remove-tree', parent, name });
  }
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readSysctl('kernel/random/boot_id');
  return boot;
}
