import { closeSync, constants, fstatSync, lstatSync, readdirSync, type BigIntStats, type Dirent } from 'node:fs';
import { errno } from './errno.ts';
import { KernelError } from './kernel-error.ts';
import { check, lastErrno, libc } from './libc.ts';

/** A name or path as the kernel has it: bytes. Strings are encoded as UTF-8. */
export type PathBytes = string | Buffer;

export interface TimeSpec {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Open flags. O_DIRECTORY and O_NOFOLLOW differ between architectures, so they come from Node. */
export const openFlags = {
  readOnly: constants.O_RDONLY,
  writeOnly: constants.O_WRONLY,
  readWrite: constants.O_RDWR,
  create: constants.O_CREAT,
  exclusive: constants.O_EXCL,
  truncate: constants.O_TRUNC,
  append: constants.O_APPEND,
  nonBlocking: constants.O_NONBLOCK,
  directory: constants.O_DIRECTORY,
  noFollow: constants.O_NOFOLLOW,
  noControllingTerminal: constants.O_NOCTTY,
  closeOnExec: 0o2000000,
  path: 0o10000000,
} as const;

/** openat2(2) resolve flags. */
export const resolveFlags = {
  noCrossDevice: 0x01,
  noMagicLinks: 0x02,
  noSymlinks: 0x04,
  beneath: 0x08,
  inRoot: 0x10,
} as const;

/** The calling process' working directory, for absolute paths that are trusted. */
export const workingDirectory = -100;

const openat2Number = 437;
const atEmptyPath = 0x1000;
const atRemoveDirectory = 0x200;
const atSymlinkNoFollow = 0x100;

const syscall4 = libc.func('long syscall(long number, int a, const void *b, const void *c, size_t d)');
const mkdirat = libc.func('int mkdirat(int dirfd, const void *path, uint mode)');
const mknodat = libc.func('int mknodat(int dirfd, const void *path, uint mode, uint64_t dev)');
const symlinkat = libc.func('int symlinkat(const void *target, int dirfd, const void *path)');
const linkat = libc.func('int linkat(int fromfd, const void *from, int tofd, const void *to, int flags)');
const unlinkat = libc.func('int unlinkat(int dirfd, const void *path, int flags)');
const renameat = libc.func('int renameat(int fromfd, const void *from, int tofd, const void *to)');
const fchownat = libc.func('int fchownat(int dirfd, const void *path, uint uid, uint gid, int flags)');
const fchmodat = libc.func('int fchmodat(int dirfd, const void *path, uint mode, int flags)');
const fchown = libc.func('int fchown(int fd, uint uid, uint gid)');
const fchmod = libc.func('int fchmod(int fd, uint mode)');
const futimens = libc.func('int futimens(int fd, const void *times)');
const utimensat = libc.func('int utimensat(int dirfd, const void *path, const void *times, int flags)');
const readlinkat = libc.func('long readlinkat(int dirfd, const void *path, _Out_ uint8_t *buffer, size_t size)');
const lsetxattr = libc.func(
  'int lsetxattr(const void *path, const void *name, const void *value, size_t n, int flags)',
);
const fsetxattr = libc.func('int fsetxattr(int fd, const void *name, const void *value, size_t n, int flags)');
const lgetxattr = libc.func('long lgetxattr(const void *path, const void *name, _Out_ uint8_t *value, size_t size)');
const llistxattr = libc.func('long llistxattr(const void *path, _Out_ uint8_t *list, size_t size)');
const lremovexattr = libc.func('int lremovexattr(const void *path, const void *name)');
const syncfs = libc.func('int syncfs(int fd)');

const nul = Buffer.from([0]);

/** NUL-terminated bytes of a path. A NUL inside would cut the name short behind the caller's back: EINVAL. */
export function pathBytes(path: PathBytes): Buffer {
  const bytes = typeof path === 'string' ? Buffer.from(`${path}\0`) : Buffer.concat([path, nul]);
  if (bytes.indexOf(0) !== bytes.length - 1) {
    throw new KernelError({ call: 'path', errno: errno.EINVAL, subject: JSON.stringify(path.toString()) });
  }
  return bytes;
}

/** One entry of a directory, for calls that must not walk: "", ".", ".." and anything with a slash is EINVAL. */
function nameBytes(name: PathBytes): Buffer {
  const bytes = pathBytes(name);
  const text = bytes.length <= 3 ? bytes.toString('latin1') : '';
  if (bytes.includes(0x2f) || text === '\0' || text === '.\0' || text === '..\0') {
    throw new KernelError({ call: 'name', errno: errno.EINVAL, subject: JSON.stringify(name.toString()) });
  }
  return bytes;
}

/** The path of an open descriptor's object, for calls that have no …at form. Follows exactly one magic link: ours. */
export function descriptorPath(descriptor: number, name?: PathBytes): Buffer {
  const prefix = `/proc/self/fd/${descriptor}`;
  if (name === undefined) return Buffer.from(prefix);
  const bytes = nameBytes(name);
  return Buffer.concat([Buffer.from(`${prefix}/`), bytes.subarray(0, bytes.length - 1)]);
}

/** openat2(2). Always close-on-exec. EAGAIN, which means that a rename raced with "..", is retried. */
export function openat2(directory: number, path: PathBytes, flags: number, mode = 0, resolve = 0): number {
  const how = new BigUint64Array([BigInt(flags | openFlags.closeOnExec), BigInt(mode), BigInt(resolve)]);
  const bytes = pathBytes(path);
  for (let attempt = 0; ; attempt++) {
    const descriptor = syscall4(openat2Number, directory, bytes, how, how.byteLength) as number;
    if (descriptor >= 0) return descriptor;
    const code = lastErrno();
    const again = code === errno.EINTR || (code === errno.EAGAIN && resolve !== 0 && attempt < 1000);
    if (!again) throw new KernelError({ call: 'openat2', errno: code, subject: path.toString() });
  }
}

/** Closes a descriptor; never throws for one that is open. */
export function close(descriptor: number): void {
  closeSync(descriptor);
}

export function makeDirectoryAt(directory: number, name: PathBytes, mode: number): void {
  check('mkdirat', mkdirat(directory, nameBytes(name), mode) as number, name.toString());
}

/** @param mode file type and permissions, @param device as makeDevice gives it */
export function makeNodeAt(directory: number, name: PathBytes, mode: number, device = 0n): void {
  check('mknodat', mknodat(directory, nameBytes(name), mode, device) as number, name.toString());
}

export function symlinkAt(target: PathBytes, directory: number, name: PathBytes): void {
  check('symlinkat', symlinkat(pathBytes(target), directory, nameBytes(name)) as number, name.toString());
}

/** Hard link; a symbolic link as source is linked itself, not followed. */
export function linkAt(from: number, fromName: PathBytes, to: number, toName: PathBytes): void {
  check('linkat', linkat(from, nameBytes(fromName), to, nameBytes(toName), 0) as number, toName.toString());
}

export function unlinkAt(directory: number, name: PathBytes): void {
  check('unlinkat', unlinkat(directory, nameBytes(name), 0) as number, name.toString());
}

export function removeDirectoryAt(directory: number, name: PathBytes): void {
  check('unlinkat', unlinkat(directory, nameBytes(name), atRemoveDirectory) as number, name.toString());
}

export function renameAt(from: number, fromName: PathBytes, to: number, toName: PathBytes): void {
  check('renameat', renameat(from, nameBytes(fromName), to, nameBytes(toName)) as number, toName.toString());
}

/** lchown of an entry. Clears set-user-ID bits, so call it before changeModeAt. */
export function changeOwnerAt(directory: number, name: PathBytes, uid: number, gid: number): void {
  const bytes = nameBytes(name);
  check('fchownat', fchownat(directory, bytes, uid, gid, atSymlinkNoFollow) as number, name.toString());
}

/** fchown that also works on O_PATH descriptors. */
export function changeOwner(descriptor: number, uid: number, gid: number): void {
  check('fchownat', fchownat(descriptor, nul, uid, gid, atEmptyPath) as number);
}

/**
 * chmod of an entry that is not a symbolic link. It goes by a descriptor, because fchmodat follows links and
 * fchmodat2 is newer than the kernels that are supported; a link is EOPNOTSUPP, as for the C library.
 */
export function changeModeAt(directory: number, name: PathBytes, mode: number): void {
  const descriptor = openat2(directory, name, openFlags.path | openFlags.noFollow, 0, resolveFlags.beneath);
  try {
    if (fstatSync(descriptor).isSymbolicLink()) {
      throw new KernelError({ call: 'fchmodat', errno: errno.EOPNOTSUPP, subject: name.toString() });
    }
    changeMode(descriptor, mode);
  } finally {
    closeSync(descriptor);
  }
}

/** fchmod that also works on O_PATH descriptors (which fchmod refuses with EBADF). */
export function changeMode(descriptor: number, mode: number): void {
  const path = pathBytes(descriptorPath(descriptor));
  check('fchmodat', fchmodat(workingDirectory, path, mode, 0) as number);
}

function timeBytes(access: TimeSpec, modification: TimeSpec): BigInt64Array {
  const times = new BigInt64Array(4);
  times[0] = BigInt(access.seconds);
  times[1] = BigInt(access.nanoseconds);
  times[2] = BigInt(modification.seconds);
  times[3] = BigInt(modification.nanoseconds);
  return times;
}

export function changeTimesAt(directory: number, name: PathBytes, access: TimeSpec, modification: TimeSpec): void {
  const times = timeBytes(access, modification);
  const result = utimensat(directory, nameBytes(name), times, atSymlinkNoFollow) as number;
  check('utimensat', result, name.toString());
}

export function changeTimes(descriptor: number, access: TimeSpec, modification: TimeSpec): void {
  const path = pathBytes(descriptorPath(descriptor));
  check('utimensat', utimensat(workingDirectory, path, timeBytes(access, modification), 0) as number);
}

/** fchown: of a file that is open for reading or writing. Clears set-user-ID bits and capabilities. */
export function changeFileOwner(descriptor: number, uid: number, gid: number): void {
  check('fchown', fchown(descriptor, uid, gid) as number);
}

/** fchmod and futimens: the last that is done to a file that was written. */
export function finishFile(descriptor: number, mode: number, modification: TimeSpec): void {
  check('fchmod', fchmod(descriptor, mode) as number);
  check('futimens', futimens(descriptor, timeBytes(modification, modification)) as number);
}

/** The target of the symbolic link `name` in `directory`, as bytes. */
export function readLinkAt(directory: number, name: PathBytes): Buffer {
  const buffer = Buffer.alloc(4096);
  const bytes = name.length === 0 ? nul : nameBytes(name);
  const length = check('readlinkat', Number(readlinkat(directory, bytes, buffer, buffer.length)), name.toString());
  return buffer.subarray(0, length);
}

/** lstat of an entry. */
export function statAt(directory: number, name: PathBytes): BigIntStats {
  return asKernelError('lstat', name, () => lstatSync(descriptorPath(directory, name), { bigint: true }));
}

export function statDescriptor(descriptor: number): BigIntStats {
  return asKernelError('fstat', String(descriptor), () => fstatSync(descriptor, { bigint: true }));
}

/** Entries without "." and "..", in the kernel's order, names as bytes. */
export function readDirectory(descriptor: number): Dirent<Buffer>[] {
  const path = descriptorPath(descriptor);
  return asKernelError('getdents', path, () => readdirSync(path, { withFileTypes: true, encoding: 'buffer' }));
}

/** Sets an extended attribute of an entry without following it. */
export function setAttributeAt(directory: number, name: PathBytes, attribute: string, value: Buffer): void {
  setAttributeOf(descriptorPath(directory, name), attribute, value);
}

export function setAttribute(descriptor: number, attribute: string, value: Buffer): void {
  setAttributeOf(Buffer.concat([descriptorPath(descriptor), Buffer.from('/.')]), attribute, value);
}

/** fsetxattr: of a file that is open for reading or writing. */
export function setFileAttribute(descriptor: number, attribute: string, value: Buffer): void {
  check('fsetxattr', fsetxattr(descriptor, pathBytes(attribute), value, value.length, 0) as number, attribute);
}

function setAttributeOf(path: Buffer, attribute: string, value: Buffer): void {
  const result = lsetxattr(pathBytes(path), pathBytes(attribute), value, value.length, 0) as number;
  check('setxattr', result, attribute);
}

/** Undefined when there is no such attribute (or the file system has none at all). */
export function getAttributeAt(directory: number, name: PathBytes, attribute: string): Buffer | undefined {
  return getAttributeOf(descriptorPath(directory, name), attribute);
}

/** Of a directory. */
export function getAttribute(descriptor: number, attribute: string): Buffer | undefined {
  return getAttributeOf(Buffer.concat([descriptorPath(descriptor), Buffer.from('/.')]), attribute);
}

function getAttributeOf(path: Buffer, attribute: string): Buffer | undefined {
  const value = Buffer.alloc(65_536);
  const length = Number(lgetxattr(pathBytes(path), pathBytes(attribute), value, value.length));
  if (length < 0 && [errno.ENODATA, errno.EOPNOTSUPP].includes(lastErrno())) return undefined;
  return Buffer.from(value.subarray(0, check('getxattr', length, attribute)));
}

/** Names of the extended attributes of an entry, sorted. */
export function listAttributesAt(directory: number, name: PathBytes): string[] {
  return listAttributesOf(descriptorPath(directory, name));
}

/** Of a directory. */
export function listAttributes(descriptor: number): string[] {
  return listAttributesOf(Buffer.concat([descriptorPath(descriptor), Buffer.from('/.')]));
}

const attributeList = Buffer.alloc(65_536);

function listAttributesOf(path: Buffer): string[] {
  const length = Number(llistxattr(pathBytes(path), attributeList, attributeList.length));
  if (length < 0 && lastErrno() === errno.EOPNOTSUPP) return [];
  check('listxattr', length, path.toString());
  if (length === 0) return [];
  return attributeList
    .toString('utf8', 0, length - 1)
    .split('\0')
    .toSorted();
}

export function removeAttributeAt(directory: number, name: PathBytes, attribute: string): void {
  const path = pathBytes(descriptorPath(directory, name));
  check('removexattr', lremovexattr(path, pathBytes(attribute)) as number, attribute);
}

/** Writes everything of the descriptor's file system to its device. Blocks: not for the event loop. */
export function syncFileSystem(descriptor: number): void {
  check('syncfs', syncfs(descriptor) as number);
}

/** The kernel's device number as mknod takes it. */
export function makeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

export function splitDevice(device: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn)),
    minor: Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn)),
  };
}

function asKernelError<T>(call: string, subject: PathBytes, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') {
      throw new KernelError({ call, errno: -error.errno, subject: subject.toString() });
    }
    throw error;
  }
}
