import { writeSync } from 'node:fs';
import { invalidArgument, resourceExhausted } from '../base/index.ts';
import {
  changeFileOwner,
  changeMode,
  changeModeAt,
  changeOwner,
  changeOwnerAt,
  changeTimes,
  changeTimesAt,
  close,
  finishFile,
  linkAt,
  makeDevice,
  makeDirectoryAt,
  makeNodeAt,
  openat2,
  openFlags,
  resolveFlags,
  setAttribute,
  setAttributeAt,
  setFileAttribute,
  statAt,
  symlinkAt,
  type TimeSpec,
} from '../kernel/files.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { removeTreeAt, type Root } from '../kernel/rooted.ts';
import { type TarEvent, TarReader } from './tar-reader.ts';
import { type TarHeader, tarType } from './tar-format.ts';

export interface UnpackLimits {
  /** Of the content of all files and links together. */
  readonly maximumBytes: number;
  readonly maximumEntries: number;
}

export const defaultUnpackLimits: UnpackLimits = { maximumBytes: 64 * 1024 ** 3, maximumEntries: 8_000_000 };

const whiteoutPrefix = Buffer.from('.wh.');
const opaqueMarker = '.wh..wh..opq';
const opaqueAttribute = 'trusted.overlay.opaque';
const yes = Buffer.from('y');
const fileType = { fifo: 0o010000, character: 0o020000, block: 0o060000 } as const;

/**
 * Writes the entries of a layer's tar below a directory that becomes an overlay lowerdir. Whiteouts become what
 * overlayfs knows: character devices 0:0 and trusted.overlay.opaque. All paths are resolved inside `root`, so that
 * no entry, whatever links came before it, is written outside. Synchronous: for a worker thread.
 */
export class LayerWriter {
  readonly #root: Root;
  readonly #limits: UnpackLimits;
  readonly #reader = new TarReader();
  /** Times of directories are set last: each entry that is made inside changes them. */
  readonly #directoryTimes = new Map<string, TimeSpec>();
  #parentPath: string | undefined;
  #parent = -1;
  #bytes = 0;
  #entries = 0;
  #opaqueRoot = false;
  #file = -1;
  #header: TarHeader | undefined;

  constructor(root: Root, limits: UnpackLimits) {
    this.#root = root;
    this.#limits = limits;
  }

  push(chunk: Buffer): void {
    for (const event of this.#reader.push(chunk)) this.#event(event);
  }

  finish(): { readonly size: number; readonly opaqueRoot: boolean } {
    this.#reader.finish();
    for (const [path, modified] of this.#directoryTimes) this.#setDirectoryTimes(path, modified);
    return { size: this.#bytes, opaqueRoot: this.#opaqueRoot };
  }

  #setDirectoryTimes(path: string, modified: TimeSpec): void {
    if (path === '') {
      changeTimes(this.#root.descriptor, modified, modified);
      return;
    }
    try {
      this.#root.changeTimes(Buffer.from(path, 'latin1'), modified, modified);
    } catch (error) {
      // A later entry took the place of a directory above.
      if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
    }
  }

  close(): void {
    if (this.#file !== -1) close(this.#file);
    this.#file = -1;
    this.#forgetParent();
  }

  #event(event: TarEvent): void {
    if (event.kind === 'data') {
      if (this.#file === -1) return;
      for (let offset = 0; offset < event.chunk.length; ) offset += writeSync(this.#file, event.chunk, offset);
    } else if (event.kind === 'end') {
      if (this.#file === -1 || this.#header === undefined) return;
      const file = this.#file;
      this.#file = -1;
      try {
        const { uid, gid, mode, modified, attributes } = this.#header;
        changeFileOwner(file, uid, gid);
        // Writing and chown clear capabilities, so that attributes follow them.
        for (const [key, value] of attributes) applyAttribute(key, () => setFileAttribute(file, key, value));
        finishFile(file, mode, modified);
      } finally {
        close(file);
      }
    } else {
      this.#header = event.header;
      this.#entry(event.header);
    }
  }

  #entry(header: TarHeader): void {
    this.#count(header);
    const parts = entryPath(header.name);
    const name = parts.pop();
    if (name === undefined) {
      this.#rootEntry(header);
      return;
    }
    const parent = this.#openParent(parts);
    if (name.subarray(0, whiteoutPrefix.length).equals(whiteoutPrefix)) {
      this.#whiteout(parent, name);
      return;
    }
    this.#make(header, parent, name, joinPath([...parts, name]));
  }

  #count(header: TarHeader): void {
    this.#entries += 1;
    // As Docker counts: the text of a symbolic link is content too.
    if (header.type === tarType.file) this.#bytes += header.size;
    else if (header.type === tarType.symlink) this.#bytes += header.linkName.length;
    const { maximumBytes, maximumEntries } = this.#limits;
    if (this.#bytes <= maximumBytes && this.#entries <= maximumEntries) return;
    throw resourceExhausted(
      'layer-too-large',
      `a layer unpacks to more than ${maximumBytes} bytes or ${maximumEntries} entries`,
    );
  }

  #rootEntry(header: TarHeader): void {
    if (header.type !== tarType.directory) throw invalidLayer('the root of a layer is not a directory');
    changeOwner(this.#root.descriptor, checkedId(header.uid), checkedId(header.gid));
    changeMode(this.#root.descriptor, header.mode);
    for (const [key, value] of header.attributes) {
      applyAttribute(key, () => setAttribute(this.#root.descriptor, key, value));
    }
    this.#directoryTimes.set('', header.modified);
  }

  /** The directory that an entry goes into. Missing ones are made, since not every tool writes entries for them. */
  #openParent(parts: readonly Buffer[]): number {
    const path = joinPath(parts);
    if (this.#parentPath === path) return this.#parent;
    this.#forgetParent();
    const bytes = Buffer.from(path === '' ? '.' : path, 'latin1');
    const flags = openFlags.path | openFlags.directory;
    try {
      this.#parent = this.#root.open(bytes, flags);
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      this.#root.makeDirectories(bytes, 0o755);
      this.#parent = this.#root.open(bytes, flags);
    }
    this.#parentPath = path;
    return this.#parent;
  }

  #forgetParent(): void {
    if (this.#parent !== -1) close(this.#parent);
    this.#parent = -1;
    this.#parentPath = undefined;
  }

  /**
   * A whiteout hides what lower layers have, never what this layer has, in whatever order the entries come
   * (OCI image specification, "Whiteouts").
   */
  #whiteout(parent: number, marker: Buffer): void {
    if (marker.toString('latin1') === opaqueMarker) {
      // overlayfs merges the roots of layers without looking at this mark, so that it has to be remembered.
      if (this.#parentPath === '') this.#opaqueRoot = true;
      setAttribute(parent, opaqueAttribute, yes);
      return;
    }
    const name = marker.subarray(whiteoutPrefix.length);
    // Other names that start with ".wh..wh." are bookkeeping of aufs.
    if (name.subarray(0, whiteoutPrefix.length).equals(whiteoutPrefix)) return;
    const text = name.toString('latin1');
    if (text === '' || text === '.' || text === '..') throw invalidLayer('a whiteout without a name');
    const existing = typeAt(parent, name);
    if (existing === 'directory') setAttributeAt(parent, name, opaqueAttribute, yes);
    if (existing !== undefined) return;
    makeNodeAt(parent, name, fileType.character, 0n);
  }

  #make(header: TarHeader, parent: number, name: Buffer, path: string): void {
    checkedId(header.uid);
    checkedId(header.gid);
    try {
      this.#create(header, parent, name);
    } catch (error) {
      // Nearly always there is nothing in the way, so that is looked for only now.
      if (!hasErrno(error, 'EEXIST')) throw error;
      const replaced = this.#clear(header, parent, name, path);
      if (replaced !== 'kept') this.#create(header, parent, name);
      if (replaced === 'whiteout' && header.type === tarType.directory) {
        setAttributeAt(parent, name, opaqueAttribute, yes);
      }
    }
    // What belongs to a file follows when its content is complete; a further name of one has nothing of its own.
    if (header.type === tarType.link || header.type === tarType.file) return;
    if (header.type === tarType.directory) this.#directoryTimes.set(path, header.modified);
    changeOwnerAt(parent, name, header.uid, header.gid);
    for (const [key, value] of header.attributes) {
      applyAttribute(key, () => setAttributeAt(parent, name, key, value));
    }
    if (header.type !== tarType.symlink) changeModeAt(parent, name, header.mode);
    if (header.type !== tarType.directory) changeTimesAt(parent, name, header.modified, header.modified);
  }

  #create(header: TarHeader, parent: number, name: Buffer): void {
    if (header.type === tarType.file) this.#file = openNew(parent, name);
    else if (header.type === tarType.directory) makeDirectoryAt(parent, name, 0o700);
    else if (header.type === tarType.symlink) symlinkAt(header.linkName, parent, name);
    else if (header.type === tarType.link) this.#link(header, parent, name);
    else makeNodeAt(parent, name, nodeType(header), makeDevice(header.deviceMajor, header.deviceMinor));
  }

  /** Makes room for an entry; says what was there. A directory is kept when the new entry is one too. */
  #clear(header: TarHeader, parent: number, name: Buffer, path: string): 'kept' | 'whiteout' | 'removed' {
    const existing = typeAt(parent, name);
    if (existing === 'directory' && header.type === tarType.directory) return 'kept';
    this.#directoryTimes.delete(path);
    removeTreeAt(parent, name);
    return existing === 'whiteout' ? 'whiteout' : 'removed';
  }

  #link(header: TarHeader, parent: number, name: Buffer): void {
    const target = entryPath(header.linkName);
    const targetName = target.pop();
    if (targetName === undefined) throw invalidLayer(`${name.toString()} is a hard link to the root`);
    const flags = openFlags.path | openFlags.directory;
    const directory = this.#root.open(Buffer.from(joinPath(target) || '.', 'latin1'), flags);
    try {
      linkAt(directory, targetName, parent, name);
    } finally {
      close(directory);
    }
  }
}

type EntryKind = 'directory' | 'whiteout' | 'other';

function typeAt(parent: number, name: Buffer): EntryKind | undefined {
  try {
    const status = statAt(parent, name);
    if (status.isDirectory()) return 'directory';
    return status.isCharacterDevice() && status.rdev === 0n ? 'whiteout' : 'other';
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function openNew(parent: number, name: Buffer): number {
  const flags = openFlags.writeOnly | openFlags.create | openFlags.exclusive | openFlags.noFollow;
  return openat2(parent, name, flags, 0o600, resolveFlags.beneath);
}

function nodeType(header: TarHeader): number {
  if (header.type === tarType.character) return fileType.character | 0o600;
  if (header.type === tarType.block) return fileType.block | 0o600;
  if (header.type === tarType.fifo) return fileType.fifo | 0o600;
  throw invalidLayer(`${header.name.toString()} has the unknown type ${JSON.stringify(header.type)}`);
}

export function invalidLayer(message: string): Error {
  return invalidArgument('invalid-layer', `invalid layer: ${message}`);
}

/** 2^32-1 means "leave it" to chown. */
function checkedId(id: number): number {
  if (id < 0 || id >= 0xffff_ffff) throw invalidLayer(`the owner ${id} is out of range`);
  return id;
}

/** Components of an entry's name. ".." is refused everywhere: no honest tool writes it. */
function entryPath(name: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (const part of name.toString('latin1').split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') throw invalidLayer(`${JSON.stringify(name.toString())} leads outside of the layer`);
    parts.push(Buffer.from(part, 'latin1'));
  }
  return parts;
}

/** One char a byte, so that any name can be a key. */
function joinPath(parts: readonly Buffer[]): string {
  return parts.map((part) => part.toString('latin1')).join('/');
}

/**
 * overlayfs keeps its own state in trusted.overlay.* (redirects, opaque marks): an image must not write that.
 * What this file system or kernel cannot hold (labels of another security module) is left out, as Docker does.
 */
function applyAttribute(key: string, set: () => void): void {
  if (key.startsWith('trusted.overlay.') || key.startsWith('user.overlay.')) return;
  try {
    set();
  } catch (error) {
    if (!hasErrno(error, 'EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'EINVAL')) throw error;
  }
}
