import { fstatSync, readSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { internal } from '../base/index.ts';
import {
  close,
  getAttributeAt,
  listAttributesAt,
  openat2,
  openFlags,
  readDirectory,
  readLinkAt,
  resolveFlags,
  splitDevice,
  statAt,
  statDescriptor,
} from '../kernel/files.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { encodeHeader, endOfArchive, paddingOf, type TarHeader, tarHeader, tarType } from './tar-format.ts';

/** Every level holds a descriptor: a tree that is built to be deep must not take all that the daemon has. */
const maximumDepth = 1024;
const contentBytes = 256 * 1024;
/** Within one mount and without following links. */
const oneMount = resolveFlags.beneath | resolveFlags.noCrossDevice;
const directoryFlags = openFlags.readOnly | openFlags.directory | openFlags.noFollow;
const overlayAttributes = /^(?:trusted|user)\.overlay\./;

/**
 * Writes all below `root` (a directory descriptor) as a tar archive, names relative without "./", in the directories' order of
 * names. What is mounted below is not part of the tree: its mount point appears empty. Sockets have no form in tar and are left out.
 * The tree may change meanwhile: what vanishes is left out, and a file has the size that its header promised.
 * Synchronous: for a worker thread.
 */
export function writeTree(root: number, write: (bytes: Buffer) => void): void {
  new TreeWriter(write).writeDirectory(root, Buffer.alloc(0), 0);
  write(endOfArchive);
}

class TreeWriter {
  readonly #write: (bytes: Buffer) => void;
  readonly #content = Buffer.alloc(contentBytes);
  /** Names of files with several names, by device and inode. */
  readonly #linked = new Map<string, Buffer>();

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  writeDirectory(parent: number, path: Buffer, depth: number): void {
    if (depth > maximumDepth) throw internal('tree-too-deep', `directories are nested more than ${maximumDepth} deep`);
    const entries = readDirectory(parent).toSorted((one, other) => Buffer.compare(one.name, other.name));
    for (const { name } of entries) {
      try {
        this.#writeEntry(parent, name, Buffer.concat([path, name]), depth);
      } catch (error) {
        if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE')) throw error;
      }
    }
  }

  #writeEntry(parent: number, name: Buffer, path: Buffer, depth: number): void {
    const status = statInMount(parent, name);
    if (status === undefined) {
      this.#writeMountPoint(parent, name, path);
      return;
    }
    const header = headerOf(parent, name, path, status);
    if (header === undefined) return;
    if (header.type === tarType.directory) {
      this.#writeSubdirectory(parent, name, header, depth);
      return;
    }
    if (status.nlink > 1n && this.#writeLink(header, status)) return;
    if (header.type === tarType.file) this.#writeFile(parent, name, header);
    else this.#write(encodeHeader(header));
  }

  #writeMountPoint(parent: number, name: Buffer, path: Buffer): void {
    // What lies under the mount cannot be seen from here. Runtimes make mount points with mode 0755.
    const directory = statAt(parent, name).isDirectory();
    const type = directory ? tarType.directory : tarType.file;
    this.#write(encodeHeader(tarHeader({ name: directory ? withSlash(path) : path, type, mode: 0o755 })));
  }

  #writeSubdirectory(parent: number, name: Buffer, header: TarHeader, depth: number): void {
    const descriptor = openat2(parent, name, directoryFlags, 0, oneMount);
    try {
      this.#write(encodeHeader(header));
      this.writeDirectory(descriptor, header.name, depth + 1);
    } finally {
      close(descriptor);
    }
  }

  #writeLink(header: TarHeader, status: BigIntStats): boolean {
    const key = `${status.dev}:${status.ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) {
      this.#linked.set(key, header.name);
      return false;
    }
    this.#write(encodeHeader({ ...header, type: tarType.link, linkName: first, size: 0, attributes: new Map() }));
    return true;
  }

  #writeFile(parent: number, name: Buffer, header: TarHeader): void {
    // It may have become a FIFO meanwhile, whose open would wait for a writer.
    const descriptor = openat2(
      parent,
      name,
      openFlags.readOnly | openFlags.noFollow | openFlags.nonBlocking,
      0,
      oneMount,
    );
    try {
      if (!fstatSync(descriptor).isFile()) return;
      this.#write(encodeHeader(header));
      let left = header.size;
      while (left > 0) {
        const length = readSync(descriptor, this.#content, 0, Math.min(contentBytes, left), null);
        // Shorter than it was: the rest is zeros, as in a hole.
        const bytes = length === 0 ? Buffer.alloc(Math.min(contentBytes, left)) : this.#content.subarray(0, length);
        this.#write(bytes);
        left -= bytes.length;
      }
      const padding = paddingOf(header.size);
      if (padding > 0) this.#write(Buffer.alloc(padding));
    } finally {
      close(descriptor);
    }
  }
}

/** undefined for a mount point. */
function statInMount(parent: number, name: Buffer): BigIntStats | undefined {
  let descriptor: number;
  try {
    descriptor = openat2(parent, name, openFlags.path | openFlags.noFollow, 0, oneMount);
  } catch (error) {
    if (hasErrno(error, 'EXDEV')) return undefined;
    throw error;
  }
  try {
    return statDescriptor(descriptor);
  } finally {
    close(descriptor);
  }
}

const withSlash = (path: Buffer): Buffer => Buffer.concat([path, Buffer.from('/')]);

/** undefined for what tar cannot hold. */
function headerOf(parent: number, name: Buffer, path: Buffer, status: BigIntStats): TarHeader | undefined {
  const type = typeOf(status);
  if (type === undefined) return undefined;
  const device =
    type === tarType.character || type === tarType.block ? splitDevice(status.rdev) : { major: 0, minor: 0 };
  return tarHeader({
    name: type === tarType.directory ? withSlash(path) : path,
    type,
    linkName: type === tarType.symlink ? readLinkAt(parent, name) : Buffer.alloc(0),
    mode: Number(status.mode & 0o7777n),
    uid: Number(status.uid),
    gid: Number(status.gid),
    size: type === tarType.file ? Number(status.size) : 0,
    // Whole seconds, as Docker writes them: a pax header for every entry would double the archive of small files.
    modified: { seconds: Number(status.mtimeNs / 1_000_000_000n), nanoseconds: 0 },
    deviceMajor: device.major,
    deviceMinor: device.minor,
    attributes: attributesOf(parent, name),
  });
}

function typeOf(status: BigIntStats): string | undefined {
  if (status.isFile()) return tarType.file;
  if (status.isDirectory()) return tarType.directory;
  if (status.isSymbolicLink()) return tarType.symlink;
  if (status.isCharacterDevice()) return tarType.character;
  if (status.isBlockDevice()) return tarType.block;
  return status.isFIFO() ? tarType.fifo : undefined;
}

function attributesOf(parent: number, name: Buffer): ReadonlyMap<string, Buffer> {
  const attributes = new Map<string, Buffer>();
  for (const attribute of listAttributesAt(parent, name)) {
    if (overlayAttributes.test(attribute)) continue;
    const value = getAttributeAt(parent, name, attribute);
    if (value !== undefined) attributes.set(attribute, value);
  }
  return attributes;
}
