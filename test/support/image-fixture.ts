import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Database, silentLog } from '../../src/base/index.ts';
import { createImageStore, type ImageService, type ImageStoreOptions } from '../../src/image/index.ts';
import type { Image } from '../../src/image/types.ts';

/** An image store in a directory of its own. */
export class ImageFixture {
  readonly dataRoot = mkdtempSync('/tmp/images-');
  readonly #options: Partial<ImageStoreOptions>;
  #database: Database | undefined;
  #store: ImageService | undefined;

  constructor(options: Partial<ImageStoreOptions> = {}) {
    this.#options = options;
  }

  get store(): ImageService {
    if (this.#store === undefined) throw new Error('not started');
    return this.#store;
  }

  async start(): Promise<ImageService> {
    this.#database = new Database(join(this.dataRoot, 'state.db'));
    this.#store = createImageStore({
      database: this.#database,
      dataRoot: this.dataRoot,
      log: silentLog,
      ...this.#options,
    });
    await this.#store.start();
    return this.#store;
  }

  async stop(): Promise<void> {
    await this.#store?.stop();
    this.#database?.close();
  }

  async restart(): Promise<ImageService> {
    await this.stop();
    return this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.dataRoot, { recursive: true, force: true });
  }

  async import(tar: Buffer, reference?: string, changes: readonly string[] = []): Promise<Image> {
    const options = { changes, ...(reference === undefined ? {} : { reference }) };
    return this.store.import(Readable.from([tar]), options, () => undefined, AbortSignal.timeout(60_000));
  }

  async load(tar: Buffer): Promise<readonly { readonly id: string; readonly reference: string | undefined }[]> {
    return this.store.load(Readable.from([tar]), () => undefined, AbortSignal.timeout(60_000));
  }

  async save(references: readonly string[]): Promise<Buffer> {
    return buffer(await this.store.save(references));
  }

  /** What is on the disk: nothing is left behind of what failed or was removed. */
  async leftovers(): Promise<{
    readonly blobs: number;
    readonly layers: number;
    readonly incoming: number;
    readonly containers: number;
  }> {
    // Deleting goes on in the background.
    await this.#store?.stop();
    const count = (path: string): number => readdirSync(join(this.dataRoot, path)).length;
    return {
      blobs: count('blobs/sha256'),
      layers: readdirSync(join(this.dataRoot, 'layers')).filter((name) => /^[0-9a-f]{16}$/.test(name)).length,
      incoming: count('layers/incoming') + count('blobs/incoming'),
      containers: count('containers-rw'),
    };
  }

  /** Unpacked layers of an image, topmost first. */
  layers(reference: string): string[] {
    const { id } = this.store.resolve(reference);
    return this.store.snapshots.layerDirectories(id).map(({ directory }) => directory);
  }
}

export const nothing = { blobs: 0, layers: 0, incoming: 0, containers: 0 };
