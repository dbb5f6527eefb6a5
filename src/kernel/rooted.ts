import { randomBytes } from 'node:crypto';
import { type BigIntStats, fstatSync, readSync, statfsSync, writeSync } from 'node:fs';
import { errno } from './errno.ts';
import {
  changeMode,
  changeOwnerAt,
  changeTimesAt,
  close,
  getAttributeAt,
  linkAt,
  listAttributesAt,
  makeDirectoryAt,
  makeNodeAt,
  openat2,
  openFlags,
  type PathBytes,
  readDirectory,
  readLinkAt,
  removeAttributeAt,
  removeDirectoryAt,
  renameAt,
  resolveFlags,
  setAttributeAt,
  statDescriptor,
  symlinkAt,
  type TimeSpec,
  unlinkAt,
  workingDirectory,
} from './files.ts';
import { hasErrno, KernelError } from './kernel-error.ts';

/** What a directory holds, by entry. */
export interface DirectoryEntry {
  readonly name: Buffer;
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
}

const inside = resolveFlags.inRoot | resolveFlags.noMagicLinks;
const pathFlags = openFlags.path | openFlags.directory;

/**
 * A directory that paths of an untrusted tree (a container's root, a volume, a layer) are resolved in, as if it were
 * the root of the file system: absolute symbolic links and ".." stay inside, /proc magic links are refused (ELOOP).
 * The kernel does the resolution (openat2, RESOLVE_IN_ROOT), so a tree that changes meanwhile cannot lead outside.
 * Operations on an entry resolve its parent and then act on the last name without following it.
 * All failures are KernelErrors.
 */
export class Root implements Disposable {
  /** O_PATH descriptor of the directory. */
  readonly descriptor: number;
  #closed = false;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /** Opens a directory of the host by a trusted path. */
  static open(path: PathBytes): Root {
    return new Root(openat2(workingDirectory, path, pathFlags));
  }

  /** Takes over a directory descriptor: it is closed with the Root. */
  static fromDescriptor(descriptor: number): Root {
    return new Root(descriptor);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A descriptor of `path`; the caller closes it. Follows a symbolic link at the end unless flags say O_NOFOLLOW. */
  open(path: PathBytes, flags: number, mode = 0): number {
    return openat2(this.descriptor, normal(path), flags, mode, inside);
  }

  /** A Root of a directory below this one. */
  openRoot(path: PathBytes): Root {
    return new Root(this.open(path, pathFlags));
  }

  /**
   * The content of a regular file. A device, pipe or socket is refused with EINVAL without being opened for reading
   * (a container can make /etc/passwd a link to /proc/kmsg, whose read never ends).
   * @param maximumBytes a longer file is EFBIG
   */
  readFile(path: PathBytes, maximumBytes: number): Buffer {
    const descriptor = this.openRegular(path, openFlags.readOnly);
    try {
      const chunks: Buffer[] = [];
      let total = 0;
      for (;;) {
        const chunk = Buffer.alloc(Math.min(65_536, maximumBytes - total + 1));
        const length = readSync(descriptor, chunk);
        if (length === 0) return Buffer.concat(chunks, total);
        total += length;
        if (total > maximumBytes) fail('read', 'EFBIG', path);
        chunks.push(chunk.subarray(0, length));
      }
    } finally {
      close(descriptor);
    }
  }

  /**
   * Opens a regular file that exists; anything else is EINVAL. The type is checked on an O_PATH descriptor, which is
   * then reopened, so what was checked is what is opened. Files of procfs are refused too: some of them block.
   */
  openRegular(path: PathBytes, flags: number): number {
    const handle = this.open(path, openFlags.path);
    try {
      const status = fstatSync(handle);
      if (status.isDirectory()) fail('open', 'EISDIR', path);
      if (!status.isFile() || onProcfs(handle)) fail('open', 'EINVAL', path);
      const again = flags | openFlags.nonBlocking | openFlags.noControllingTerminal;
      return openat2(workingDirectory, `/proc/self/fd/${handle}`, again);
    } finally {
      close(handle);
    }
  }

  /** Makes or replaces the content of a regular file; follows symbolic links inside the root. Not atomic. */
  writeFile(path: PathBytes, content: Buffer | string, mode = 0o644): void {
    const descriptor = this.#openForWriting(path, mode);
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset);
    } finally {
      close(descriptor);
    }
  }

  #openForWriting(path: PathBytes, mode: number): number {
    const create = openFlags.writeOnly | openFlags.create | openFlags.exclusive;
    try {
      return this.open(path, create, mode);
    } catch (error) {
      if (!hasErrno(error, 'EEXIST')) throw error;
    }
    return this.openRegular(path, openFlags.writeOnly | openFlags.truncate);
  }

  /**
   * mkdir -p. Each step is made in the descriptor of the one before and opened again inside the root, so a component
   * that is swapped for a symbolic link meanwhile cannot move the work outside (CVE-2024-45310).
   * Links to directories inside the root are followed. Returns how many directories were made.
   */
  makeDirectories(path: PathBytes, mode = 0o755): number {
    let made = 0;
    const done: Buffer[] = [];
    for (const part of components(path)) {
      const parent = joined(done);
      done.push(part);
      if (isDotDot(part)) continue;
      const directory = this.open(parent, pathFlags);
      try {
        makeDirectoryAt(directory, part, mode);
        made++;
      } catch (error) {
        if (!hasErrno(error, 'EEXIST')) throw error;
      } finally {
        close(directory);
      }
    }
    close(this.open(joined(done), pathFlags));
    return made;
  }

  /** Follows symbolic links. */
  stat(path: PathBytes): BigIntStats {
    return this.#withDescriptor(path, openFlags.path, statDescriptor);
  }

  lstat(path: PathBytes): BigIntStats {
    return this.#withDescriptor(path, openFlags.path | openFlags.noFollow, statDescriptor);
  }

  /** Whether something is there; a dangling link counts. */
  exists(path: PathBytes): boolean {
    try {
      this.lstat(path);
      return true;
    } catch (error) {
      if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return false;
      throw error;
    }
  }

  readLink(path: PathBytes): Buffer {
    return this.#inParent(path, readLinkAt);
  }

  readDirectory(path: PathBytes): DirectoryEntry[] {
    return this.#withDescriptor(path, pathFlags, (descriptor) =>
      readDirectory(descriptor).map((entry) => ({ name: entry.name, type: entryType(entry) })),
    );
  }

  symlink(target: PathBytes, path: PathBytes): void {
    this.#inParent(path, (directory, name) => symlinkAt(target, directory, name));
  }

  /** Hard link of `existing` (not followed) at `path`. */
  link(existing: PathBytes, path: PathBytes): void {
    this.#inParent(existing, (from, fromName) =>
      this.#inParent(path, (to, toName) => linkAt(from, fromName, to, toName)),
    );
  }

  /** @param mode type and permissions (S_IFCHR | 0o600, …), the umask applies */
  makeNode(path: PathBytes, mode: number, device = 0n): void {
    this.#inParent(path, (directory, name) => makeNodeAt(directory, name, mode, device));
  }

  changeOwner(path: PathBytes, uid: number, gid: number): void {
    this.#inParent(path, (directory, name) => changeOwnerAt(directory, name, uid, gid));
  }

  /** Of what is not a symbolic link (ELOOP). */
  changeMode(path: PathBytes, mode: number): void {
    this.#withDescriptor(path, openFlags.path | openFlags.noFollow, (descriptor) => {
      if (fstatSync(descriptor).isSymbolicLink()) fail('chmod', 'ELOOP', path);
      changeMode(descriptor, mode);
    });
  }

  changeTimes(path: PathBytes, access: TimeSpec, modification: TimeSpec): void {
    this.#inParent(path, (directory, name) => changeTimesAt(directory, name, access, modification));
  }

  setAttribute(path: PathBytes, attribute: string, value: Buffer): void {
    this.#inParent(path, (directory, name) => setAttributeAt(directory, name, attribute, value));
  }

  getAttribute(path: PathBytes, attribute: string): Buffer | undefined {
    return this.#inParent(path, (directory, name) => getAttributeAt(directory, name, attribute));
  }

  listAttributes(path: PathBytes): string[] {
    return this.#inParent(path, listAttributesAt);
  }

  removeAttribute(path: PathBytes, attribute: string): void {
    this.#inParent(path, (directory, name) => removeAttributeAt(directory, name, attribute));
  }

  /** Removes what `path` names, a directory with all below it. Links are removed, not followed. ENOENT is no error. */
  removeTree(path: PathBytes): void {
    try {
      this.#inParent(path, removeTreeAt);
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
  }

  #withDescriptor<T>(path: PathBytes, flags: number, action: (descriptor: number) => T): T {
    const descriptor = this.open(path, flags);
    try {
      return action(descriptor);
    } finally {
      close(descriptor);
    }
  }

  /** Opens the parent of `path` inside the root. The root itself and ".." have no name in a parent: EINVAL. */
  #inParent<T>(path: PathBytes, action: (directory: number, name: Buffer) => T): T {
    const parts = components(path);
    const name = parts.pop();
    if (name === undefined || isDotDot(name)) fail('parent', 'EINVAL', path);
    return this.#withDescriptor(joined(parts), pathFlags, (directory) => action(directory, name));
  }
}

/** Deeper directories are moved up before they are emptied: a descriptor is held for each level. */
const maximumRemovalDepth = 64;

/**
 * Removes an entry of an open directory and all below it, by descriptors: no symbolic link is followed, and no mount
 * is crossed (EXDEV). A container may have nested directories without end, hence no recursion without end.
 * Blocks for as long as the tree is large: trees of unknown size belong in a worker.
 */
export function removeTreeAt(directory: number, name: PathBytes): void {
  if (unlinkUnlessDirectory(directory, name)) return;
  const top = openChild(directory, name);
  try {
    const emptyInto = { top, moved: 0 };
    // What was moved up is found by the next round.
    do emptyInto.moved = 0;
    while (emptyDirectory(top, emptyInto, 0) > 0);
  } finally {
    close(top);
  }
  removeDirectoryAt(directory, name);
}

function openChild(directory: number, name: PathBytes): number {
  const flags = openFlags.readOnly | openFlags.directory | openFlags.noFollow;
  return openat2(directory, name, flags, 0, resolveFlags.beneath | resolveFlags.noCrossDevice);
}

function unlinkUnlessDirectory(directory: number, name: PathBytes): boolean {
  try {
    unlinkAt(directory, name);
    return true;
  } catch (error) {
    if (!hasErrno(error, 'EISDIR', 'EPERM')) throw error;
    return false;
  }
}

interface Removal {
  readonly top: number;
  moved: number;
}

/** Returns how many directories were moved up rather than removed. */
function emptyDirectory(directory: number, removal: Removal, depth: number): number {
  for (const entry of readDirectory(directory)) {
    try {
      if (unlinkUnlessDirectory(directory, entry.name)) continue;
      if (depth >= maximumRemovalDepth) {
        renameAt(directory, entry.name, removal.top, `.removing-${randomBytes(8).toString('hex')}`);
        removal.moved += 1;
        continue;
      }
      const child = openChild(directory, entry.name);
      try {
        emptyDirectory(child, removal, depth + 1);
      } finally {
        close(child);
      }
      removeDirectoryAt(directory, entry.name);
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
  }
  return removal.moved;
}

function entryType(entry: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }) {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'symlink' : 'other';
}

function fail(call: string, code: 'EFBIG' | 'EISDIR' | 'EINVAL' | 'ELOOP', path: PathBytes): never {
  throw new KernelError({ call, errno: errno[code], subject: path.toString() });
}

const procfsMagic = 0x9fa0;

/** By the file system's type: a container's own procfs is another device than the host's. */
function onProcfs(descriptor: number): boolean {
  return statfsSync(`/proc/self/fd/${descriptor}`).type === procfsMagic;
}

const slash = 0x2f;

function components(path: PathBytes): Buffer[] {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path;
  const parts: Buffer[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const found = bytes.indexOf(slash, start);
    const end = found === -1 ? bytes.length : found;
    const part = bytes.subarray(start, end);
    if (part.length > 0 && !(part.length === 1 && part[0] === 0x2e)) parts.push(part);
    start = end + 1;
  }
  return parts;
}

function isDotDot(part: Buffer): boolean {
  return part.length === 2 && part[0] === 0x2e && part[1] === 0x2e;
}

function joined(parts: readonly Buffer[]): Buffer {
  if (parts.length === 0) return Buffer.from('.');
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from('/'), part])));
}

/** "" and "/" mean the root itself, which openat2 wants as ".". */
function normal(path: PathBytes): PathBytes {
  return path.length === 0 ? '.' : path;
}
