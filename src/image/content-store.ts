import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { dataLoss, invalidArgument } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { digestHex } from './digest.ts';

export interface Blob {
  readonly digest: string;
  readonly size: number;
}

/**
 * Content by its SHA-256 below blobs/sha256, kept as it was received, so that giving it away gives the same bytes.
 * A blob is written under an exclusive temporary name and renamed when its digest is known; the fsync goes on
 * meanwhile, and durable() awaits it before a row may refer to the blob. A crash leaves a temporary file or a blob
 * that nothing refers to and that may be incomplete: the next start removes both before anything can rely on them.
 */
export class ContentStore {
  readonly #directory: string;
  readonly #incoming: string;
  /** Syncs under way, and those that failed. */
  readonly #syncs = new Map<string, Promise<void>>();

  constructor(dataRoot: string) {
    this.#directory = join(dataRoot, 'blobs', 'sha256');
    this.#incoming = join(dataRoot, 'blobs', 'incoming');
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    // Nothing of a former process is still being written: the data root is locked.
    rmSync(this.#incoming, { recursive: true, force: true });
    mkdirSync(this.#incoming, { recursive: true, mode: 0o700 });
  }

  path(digest: string): string {
    return join(this.#directory, digestHex(digest));
  }

  /** Size, or undefined when there is no such blob. */
  async size(digest: string): Promise<number | undefined> {
    try {
      return (await stat(this.path(digest))).size;
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** A whole small blob: configurations and manifests. Verified. @param maximumBytes a larger one is refused */
  async read(digest: string, maximumBytes: number): Promise<Buffer> {
    const size = await this.size(digest);
    if (size === undefined) throw dataLoss('blob-missing', `the blob ${digest} is missing from the content store`);
    if (size > maximumBytes) throw invalidArgument('blob-too-large', `${digest} is larger than ${maximumBytes} bytes`);
    const content = await readFile(this.path(digest));
    if (createHash('sha256').update(content).digest('hex') !== digestHex(digest)) {
      throw dataLoss('blob-corrupt', `the blob ${digest} has changed on disk`);
    }
    return content;
  }

  stream(digest: string): Readable {
    return createReadStream(this.path(digest), { highWaterMark: 1024 * 1024 });
  }

  /** Begins a blob; finish it by commit or abort. */
  async begin(): Promise<BlobWriter> {
    const path = join(this.#incoming, randomBytes(16).toString('hex'));
    return new BlobWriter(path, await open(path, 'wx', 0o600), (digest, file) => this.#place(path, digest, file));
  }

  /** Takes over a complete file. */
  async #place(path: string, digest: string, file: FileHandle): Promise<void> {
    // A blob that is there may be referred to: it must not be replaced by one that is not yet on the disk.
    if (this.#syncs.has(digest) || (await this.size(digest)) !== undefined) {
      await file.close();
      await unlink(path);
      return;
    }
    await rename(path, this.path(digest));
    const syncing = this.#sync(digest, file);
    this.#syncs.set(digest, syncing);
    // Whoever relies on the blob awaits it by durable().
    syncing.catch(() => undefined);
  }

  async #sync(digest: string, file: FileHandle): Promise<void> {
    try {
      await file.sync();
      this.#syncs.delete(digest);
    } finally {
      await file.close();
    }
  }

  /** Resolves when these blobs are on the disk: only then may the catalog refer to them. */
  async durable(digests: readonly string[]): Promise<void> {
    const syncs = digests.flatMap((digest) => this.#syncs.get(digest) ?? []);
    if (syncs.length === 0) return;
    await Promise.all(syncs);
    await syncDirectory(this.#directory);
  }

  async write(content: Buffer): Promise<Blob> {
    const writer = await this.begin();
    try {
      await writer.write(content);
      const blob = await writer.commit();
      await this.durable([blob.digest]);
      return blob;
    } finally {
      await writer.abort();
    }
  }

  async remove(digest: string): Promise<void> {
    await this.#syncs.get(digest)?.catch(() => undefined);
    this.#syncs.delete(digest);
    try {
      await unlink(this.path(digest));
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
  }

  /** Digests of all blobs. Reads one directory synchronously: for the start of the daemon. */
  digests(): string[] {
    return readdirSync(this.#directory).map((name) => `sha256:${name}`);
  }
}

export class BlobWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #place: (digest: string, file: FileHandle) => Promise<void>;
  readonly #hash = createHash('sha256');
  #size = 0;
  #open = true;

  constructor(path: string, file: FileHandle, place: (digest: string, file: FileHandle) => Promise<void>) {
    this.#path = path;
    this.#file = file;
    this.#place = place;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#hash.update(chunk);
    for (let offset = 0; offset < chunk.length; ) {
      offset += (await this.#file.write(chunk, offset)).bytesWritten;
    }
    this.#size += chunk.length;
  }

  /** Puts the blob in its place; see durable(). @param expected a digest that does not match never lands: invalid-argument */
  async commit(expected?: string): Promise<Blob> {
    const digest = `sha256:${this.#hash.digest('hex')}`;
    if (expected !== undefined && expected !== digest) {
      await this.abort();
      throw invalidArgument('digest-mismatch', `the content is ${digest}, not ${expected} as was stated`);
    }
    this.#open = false;
    await this.#place(digest, this.#file);
    return { digest, size: this.#size };
  }

  /** Drops the blob; nothing happens after commit. */
  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
    await unlink(this.#path);
  }
}

/** Makes renames in a directory durable. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
