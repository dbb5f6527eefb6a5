import type { Database } from '../base/index.ts';

export interface ImageLayerRow {
  readonly diffId: string;
  /** Digest of the layer's bytes as they were received with this image. */
  readonly blob: string;
  readonly mediaType: string;
  readonly blobSize: number;
}

export interface LayerRow {
  readonly diffId: string;
  /** Name below layers/. */
  readonly directory: string;
  readonly size: number;
  readonly opaqueRoot: boolean;
  readonly blob: string;
  /** The boot in which it was unpacked, until it is known to be on the disk. */
  readonly unsyncedBoot: string | undefined;
}

export interface SnapshotRow {
  readonly containerId: string;
  readonly imageId: string;
  /** Diff ids, bottom first: they stay when the image itself is removed by force. */
  readonly layers: readonly string[];
}

const schema = [
  `CREATE TABLE image (id TEXT PRIMARY KEY, last_tagged TEXT) WITHOUT ROWID;
   CREATE TABLE image_layer (
     image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
     position INTEGER NOT NULL,
     diff_id TEXT NOT NULL,
     blob TEXT NOT NULL,
     media_type TEXT NOT NULL,
     blob_size INTEGER NOT NULL,
     PRIMARY KEY (image_id, position)
   ) WITHOUT ROWID;
   CREATE TABLE image_reference (
     reference TEXT PRIMARY KEY,
     image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE
   ) WITHOUT ROWID;
   CREATE TABLE image_layer_directory (
     diff_id TEXT PRIMARY KEY,
     directory TEXT NOT NULL UNIQUE,
     size INTEGER NOT NULL,
     opaque_root INTEGER NOT NULL,
     blob TEXT NOT NULL,
     unsynced_boot TEXT
   ) WITHOUT ROWID;
   CREATE TABLE image_snapshot (
     container_id TEXT PRIMARY KEY,
     image_id TEXT NOT NULL,
     layers TEXT NOT NULL
   ) WITHOUT ROWID;`,
] as const;

type Row = Readonly<Record<string, unknown>>;

/** The tables of the image module. References are canonical: "docker.io/library/busybox:latest" or "…@sha256:…". */
export class Catalog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
    database.migrate('image', schema);
  }

  transaction<T>(work: () => T): T {
    return this.#database.transaction(work);
  }

  images(): { readonly id: string; readonly lastTagged: string | undefined }[] {
    return this.#all('SELECT id, last_tagged FROM image').map((row) => ({
      id: String(row['id']),
      lastTagged: optional(row['last_tagged']),
    }));
  }

  imageLayers(imageId: string): ImageLayerRow[] {
    return this.#all(
      'SELECT diff_id, blob, media_type, blob_size FROM image_layer WHERE image_id = ? ORDER BY position',
      imageId,
    ).map((row) => ({
      diffId: String(row['diff_id']),
      blob: String(row['blob']),
      mediaType: String(row['media_type']),
      blobSize: Number(row['blob_size']),
    }));
  }

  references(): { readonly reference: string; readonly imageId: string }[] {
    return this.#all('SELECT reference, image_id FROM image_reference ORDER BY reference').map((row) => ({
      reference: String(row['reference']),
      imageId: String(row['image_id']),
    }));
  }

  addImage(id: string, layers: readonly ImageLayerRow[]): void {
    this.#run('INSERT INTO image (id) VALUES (?) ON CONFLICT DO NOTHING', id);
    for (const [position, layer] of layers.entries()) {
      this.#run(
        'INSERT INTO image_layer (image_id, position, diff_id, blob, media_type, blob_size) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        id,
        position,
        layer.diffId,
        layer.blob,
        layer.mediaType,
        layer.blobSize,
      );
    }
  }

  removeImage(id: string): void {
    this.#run('DELETE FROM image WHERE id = ?', id);
  }

  setReference(reference: string, imageId: string): void {
    this.#run(
      'INSERT INTO image_reference (reference, image_id) VALUES (?, ?) ON CONFLICT (reference) DO UPDATE SET image_id = excluded.image_id',
      reference,
      imageId,
    );
  }

  removeReference(reference: string): void {
    this.#run('DELETE FROM image_reference WHERE reference = ?', reference);
  }

  setLastTagged(imageId: string, time: string): void {
    this.#run('UPDATE image SET last_tagged = ? WHERE id = ?', time, imageId);
  }

  layers(): LayerRow[] {
    return this.#all('SELECT * FROM image_layer_directory').map((row) => ({
      diffId: String(row['diff_id']),
      directory: String(row['directory']),
      size: Number(row['size']),
      opaqueRoot: row['opaque_root'] === 1,
      blob: String(row['blob']),
      unsyncedBoot: optional(row['unsynced_boot']),
    }));
  }

  addLayer(layer: LayerRow): void {
    this.#run(
      'INSERT INTO image_layer_directory (diff_id, directory, size, opaque_root, blob, unsynced_boot) VALUES (?, ?, ?, ?, ?, ?)',
      layer.diffId,
      layer.directory,
      layer.size,
      layer.opaqueRoot ? 1 : 0,
      layer.blob,
      layer.unsyncedBoot ?? null,
    );
  }

  removeLayer(diffId: string): void {
    this.#run('DELETE FROM image_layer_directory WHERE diff_id = ?', diffId);
  }

  markSynced(diffId: string): void {
    this.#database.transactionUntilReboot(() =>
      this.#run('UPDATE image_layer_directory SET unsynced_boot = NULL WHERE diff_id = ?', diffId),
    );
  }

  snapshots(): SnapshotRow[] {
    return this.#all('SELECT container_id, image_id, layers FROM image_snapshot ORDER BY container_id').map((row) => ({
      containerId: String(row['container_id']),
      imageId: String(row['image_id']),
      layers: String(row['layers']).split(' ').filter(Boolean),
    }));
  }

  /** Durable with the next durable commit, which is that of the container itself: one wait for the disk, not two. */
  addSnapshot(snapshot: SnapshotRow): void {
    this.#database.transactionUntilReboot(() =>
      this.#run(
        'INSERT INTO image_snapshot (container_id, image_id, layers) VALUES (?, ?, ?)',
        snapshot.containerId,
        snapshot.imageId,
        snapshot.layers.join(' '),
      ),
    );
  }

  /** May come back after a power cut; a row of a container that is gone is found by reconciliation. */
  removeSnapshot(containerId: string): void {
    this.#database.transactionUntilReboot(() =>
      this.#run('DELETE FROM image_snapshot WHERE container_id = ?', containerId),
    );
  }

  #all(sql: string, ...values: readonly (string | number)[]): Row[] {
    return this.#database.prepare(sql).all(...values);
  }

  #run(sql: string, ...values: readonly (string | number | null)[]): void {
    this.#database.prepare(sql).run(...values);
  }
}

function optional(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
