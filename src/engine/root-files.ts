import { hasErrno, openProcessRoot, Root } from '../kernel/index.ts';
import type { RootFileReader } from '../runtime/index.ts';
import type { EngineContext } from './context.ts';
import type { Container } from './types.ts';
import { zeroTimestamp } from '../base/index.ts';

/** More of /etc/passwd than anybody has. */
const maximumBytes = 1024 * 1024;
const cachedImages = 64;

function readBelow(root: Root, path: string): Buffer | undefined {
  try {
    return root.readFile(path, maximumBytes);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'EINVAL')) return undefined;
    throw error;
  }
}

/** Reads files of containers' roots, of which only the user database is wanted. */
export class RootFiles {
  readonly #context: Pick<EngineContext, 'snapshots'>;
  /** Files of images by image id, for containers that never ran: their root is the image's. */
  readonly #ofImages = new Map<string, Map<string, Buffer | undefined>>();

  constructor(context: Pick<EngineContext, 'snapshots'>) {
    this.#context = context;
  }

  /** For a container that is not running. `work` gets a reader that is valid while it runs. */
  withReader<T>(container: Container, work: (read: RootFileReader) => T): T {
    const cache = container.state.startedAt === zeroTimestamp ? this.#cacheOf(container.imageId) : new Map();
    let root: Root | undefined;
    const read: RootFileReader = (path) => {
      if (cache.has(path)) return cache.get(path);
      root ??= Root.fromDescriptor(this.#context.snapshots.openMerged(container.id));
      const content = readBelow(root, path);
      cache.set(path, content);
      return content;
    };
    try {
      return work(read);
    } finally {
      root?.close();
    }
  }

  #cacheOf(imageId: string): Map<string, Buffer | undefined> {
    const known = this.#ofImages.get(imageId);
    if (known !== undefined) return known;
    const [oldest] = this.#ofImages.keys();
    if (oldest !== undefined && this.#ofImages.size >= cachedImages) this.#ofImages.delete(oldest);
    const fresh = new Map<string, Buffer | undefined>();
    this.#ofImages.set(imageId, fresh);
    return fresh;
  }
}

/** For a running container: below the root of its init, resolved there. */
export function withProcessRoot<T>(pid: number, work: (read: RootFileReader) => T): T {
  using root = openProcessRoot(pid);
  return work((path) => readBelow(root, path));
}
