import { close, type PathBytes, pathBytes } from './files.ts';
import { hasErrno } from './kernel-error.ts';
import { check, libc } from './libc.ts';

// fsopen(2) and its family have no wrappers in older C libraries.
const systemCall = { openTree: 428, moveMount: 429, fsopen: 430, fsconfig: 431, fsmount: 432 } as const;
const configure = { setFlag: 0, setString: 1, create: 6 } as const;
const closeOnExec = 1;
const openTreeClone = 1;
const openTreeCloseOnExec = 0o2000000;
const moveFromEmptyPath = 0x04;
const moveToEmptyPath = 0x40;

const callOpen = libc.func('syscall', 'long', ['long', 'const void *', 'uint']);
const callConfigure = libc.func('syscall', 'long', ['long', 'int', 'uint', 'const void *', 'const void *', 'int']);
const callMount = libc.func('syscall', 'long', ['long', 'int', 'uint', 'uint']);
const callOpenTree = libc.func('syscall', 'long', ['long', 'int', 'const void *', 'uint']);
const callMove = libc.func('syscall', 'long', ['long', 'int', 'const void *', 'int', 'const void *', 'uint']);
const umount2 = libc.func('int umount2(const void *path, int flags)');

/** mount_setattr(2) and fsmount(2) attribute bits. */
export const mountAttributes = { readOnly: 1, noSetUid: 2, noDevices: 4, noExecute: 8 } as const;

export const detachMount = 2;

export interface OverlayMount {
  /** Topmost first; trusted paths, or /proc/self/fd/N. At least one. */
  readonly lower: readonly string[];
  readonly upper?: string;
  readonly work?: string;
  /** mountAttributes */
  readonly attributes?: number;
}

function setString(context: number, key: string, value: PathBytes): void {
  const number = systemCall.fsconfig;
  const result = callConfigure(number, context, configure.setString, pathBytes(key), pathBytes(value), 0) as number;
  check('fsconfig', result, `${key}=${value.toString()}`);
}

/**
 * An overlay mount that is attached nowhere: the descriptor is its root directory, and the mount vanishes when the
 * last descriptor closes. Creating it takes about 0.5 ms; closing one with a dirty upper directory may block for long
 * (the kernel syncs it).
 */
export function mountOverlay(options: OverlayMount): number {
  const context = check('fsopen', callOpen(systemCall.fsopen, pathBytes('overlay'), closeOnExec) as number, 'overlay');
  try {
    setLowerLayers(context, options.lower);
    if (options.upper !== undefined) setString(context, 'upperdir', options.upper);
    if (options.work !== undefined) setString(context, 'workdir', options.work);
    const created = callConfigure(systemCall.fsconfig, context, configure.create, null, null, 0) as number;
    check('fsconfig', created, 'overlay', 'the kernel log says which layer or option it refused');
    const mounted = callMount(systemCall.fsmount, context, closeOnExec, options.attributes ?? 0) as number;
    return check('fsmount', mounted, 'overlay');
  } finally {
    close(context);
  }
}

/** "lowerdir+" (Linux 6.5) takes one layer a call and so knows no limit of length; before, ":" separated them. */
function setLowerLayers(context: number, lower: readonly string[]): void {
  for (const [index, layer] of lower.entries()) {
    try {
      setString(context, 'lowerdir+', layer);
    } catch (error) {
      if (index > 0 || !hasErrno(error, 'EINVAL')) throw error;
      setString(context, 'lowerdir', lower.map((path) => path.replace(/[\\:]/g, '\\$&')).join(':'));
      return;
    }
  }
}

/** A detached copy of the mount at a trusted path (a bind mount that is attached nowhere yet). */
export function cloneMount(path: PathBytes): number {
  const flags = openTreeClone | openTreeCloseOnExec;
  return check('open_tree', callOpenTree(systemCall.openTree, -100, pathBytes(path), flags) as number, path.toString());
}

/** Attaches a detached mount on the object of another descriptor. */
export function moveMount(mount: number, target: number): void {
  const flags = moveFromEmptyPath | moveToEmptyPath;
  const empty = pathBytes('');
  check('move_mount', callMove(systemCall.moveMount, mount, empty, target, empty, flags) as number);
}

/** @param flags e.g. detachMount. Without it the call may block while dirty pages are written. */
export function unmount(path: PathBytes, flags: number): void {
  check('umount2', umount2(pathBytes(path), flags) as number, path.toString());
}
