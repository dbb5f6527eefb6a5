import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { invalidArgument, resourceExhausted } from '../base/index.ts';
import { archiveChunks } from './archive-source.ts';
import type { Blob, BlobWriter, ContentStore } from './content-store.ts';
import type { PinSession } from './pins.ts';
import { invalidArchive, type TarHeader, tarType } from './tar-format.ts';
import { TarReader } from './tar-reader.ts';

const maximumEntries = 200_000;
const maximumJson = 16 * 1024 * 1024;

/** Files of Docker's old format that nothing needs. */
const ignored = /(?:^|\/)(?:VERSION|json|repositories|oci-layout)$/;

/** An image archive whose files have been put into the content store. */
export class ReceivedArchive {
  readonly #content: ContentStore;
  readonly #files = new Map<string, Blob>();
  readonly #links = new Map<string, string>();

  constructor(content: ContentStore) {
    this.#content = content;
  }

  /** Reads the archive to its end. Blobs are pinned; content that does not match a blob's name never lands. */
  async receive(
    archive: Readable,
    pins: PinSession,
    signal: AbortSignal,
    onBytes: (total: number) => void,
  ): Promise<void> {
    const reader = new TarReader({ sparse: false });
    let writer: BlobWriter | undefined;
    let name = '';
    let total = 0;
    const commits: Promise<void>[] = [];
    const failures: unknown[] = [];
    try {
      for await (const chunk of archiveChunks(archive, signal)) {
        for (const event of reader.push(chunk)) {
          if (event.kind === 'entry') {
            name = entryName(event.header.name);
            writer = this.#isWanted(event.header, name) ? await this.#content.begin() : undefined;
          } else if (event.kind === 'data') {
            await writer?.write(event.chunk);
          } else if (writer !== undefined) {
            // The disk syncs one file while the next is being received.
            commits.push(this.#commit(writer, name, pins).catch((error: unknown) => void failures.push(error)));
            writer = undefined;
          }
        }
        total += chunk.length;
        onBytes(total);
      }
      reader.finish();
    } finally {
      await Promise.all(commits);
      await writer?.abort();
    }
    if (failures.length > 0) throw failures[0];
  }

  async #commit(writer: BlobWriter, name: string, pins: PinSession): Promise<void> {
    const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
    try {
      const blob = await writer.commit(hex === undefined ? undefined : `sha256:${hex}`);
      pins.pin(blob.digest);
      this.#files.set(name, blob);
    } finally {
      await writer.abort();
    }
  }

  #isWanted(header: TarHeader, name: string): boolean {
    if (this.#files.size + this.#links.size > maximumEntries) {
      throw resourceExhausted('archive-too-large', `an image archive has more than ${maximumEntries} files`);
    }
    const link = header.linkName.toString();
    if (header.type === tarType.symlink) this.#links.set(name, posix.join(posix.dirname(name), link));
    if (header.type === tarType.link) this.#links.set(name, entryName(header.linkName));
    return header.type === tarType.file && !ignored.test(name);
  }

  /** The blob of a file; links (Docker's old format shares layers by them) are followed by name within the archive. */
  find(path: string): Blob | undefined {
    let name = posix.normalize(path);
    for (let depth = 0; depth < 40; depth++) {
      const file = this.#files.get(name);
      if (file !== undefined) return file;
      const target = this.#links.get(name);
      if (target === undefined) return undefined;
      name = posix.normalize(target);
    }
    return undefined;
  }

  require(path: string): Blob {
    const blob = this.find(path);
    if (blob !== undefined) return blob;
    throw invalidArgument('invalid-archive', `the image archive has no file ${JSON.stringify(path)}`);
  }

  /** A JSON file, or undefined when there is none. */
  async json(path: string): Promise<unknown> {
    const blob = this.find(path);
    if (blob === undefined) return undefined;
    const bytes = await this.#content.read(blob.digest, maximumJson);
    try {
      return JSON.parse(bytes.toString());
    } catch (error) {
      throw invalidArgument('invalid-archive', `${path} of the image archive is no JSON`, { cause: error });
    }
  }
}

function entryName(name: Buffer): string {
  const path = posix.normalize(name.toString()).replace(/^\/+/, '');
  if (path === '..' || path.startsWith('../')) throw invalidArchive(`${JSON.stringify(path)} leads outside`);
  return path.replace(/\/$/, '');
}
