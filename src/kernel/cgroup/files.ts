import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { errno } from '../errno.ts';
import { hasErrno, KernelError } from '../kernel-error.ts';

/** Writes values one after the other into an interface file: the kernel takes exactly one setting for each write(2). */
export function writeControl(path: string, ...values: readonly string[]): void {
  try {
    // No O_TRUNC and no O_CREAT: a missing file means a missing feature, and must not become a plain file.
    const descriptor = openSync(path, constants.O_WRONLY);
    try {
      for (const value of values) writeSync(descriptor, value);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw asKernelError('write', path, error, values.length === 1 ? values[0] : undefined);
  }
}

function asKernelError(call: string, path: string, error: unknown, value?: string): unknown {
  if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number')) return error;
  return new KernelError({
    call,
    errno: Math.abs(error.errno),
    subject: value === undefined ? path : `${JSON.stringify(value)} to ${path}`,
  });
}

/** The text of an interface file without the final newline; undefined when this kernel does not have it. */
export function readControl(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENODEV', 'EOPNOTSUPP')) return undefined;
    throw error;
  }
}

/** A number; "max" and missing files are undefined. */
export function readNumber(path: string): number | undefined {
  const text = readControl(path);
  if (text === undefined || text === '' || text === 'max') return undefined;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

/** Files of "key value" lines: memory.stat, cpu.stat, memory.events. */
export function readKeyed(path: string): Record<string, number> {
  const result: Record<string, number> = {};
  for (const line of (readControl(path) ?? '').split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) result[line.slice(0, space)] = Number(line.slice(space + 1));
  }
  return result;
}

export function makeDirectory(path: string): void {
  mkdirSync(path, { mode: 0o755 });
}

export function makeDirectoryIfMissing(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o755 });
    return true;
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

export function subdirectories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Removes a group and those below it, deepest first. True when it is gone, false while something lives in it. */
export function tryRemoveTree(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return true;
    if (!hasErrno(error, 'EBUSY', 'ENOTEMPTY')) throw error;
  }
  const below = subdirectories(path);
  if (below.length === 0) return false;
  const gone = below.map((name) => tryRemoveTree(`${path}/${name}`));
  if (gone.includes(false)) return false;
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return true;
    if (hasErrno(error, 'EBUSY', 'ENOTEMPTY')) return false;
    throw error;
  }
}

const patienceMilliseconds = 10_000;

/**
 * Asks `isDone` again at growing intervals until it holds. For states of which cgroup v1 gives no notice (a group
 * becoming empty or frozen); they settle within microseconds as a rule.
 */
export async function settle(what: string, isDone: () => boolean): Promise<void> {
  const deadline = performance.now() + patienceMilliseconds;
  for (let pause = 1; !isDone(); pause = Math.min(pause * 2, 50)) {
    if (performance.now() > deadline) throw new KernelError({ call: what, errno: errno.EBUSY });
    await delay(pause);
  }
}

export async function removeTree(path: string): Promise<void> {
  if (tryRemoveTree(path)) return;
  await settle(`rmdir ${path}`, () => tryRemoveTree(path));
}

/** Processes of a group and of those below it. */
export function processesBelow(path: string): number[] {
  const own = (readControl(`${path}/cgroup.procs`) ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
  for (const name of subdirectories(path)) own.push(...processesBelow(`${path}/${name}`));
  return own;
}

/** Small settings files of a directory, for people to look at; counters and event files are left out by the caller. */
export function readAll(path: string, names: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of names) {
    const text = readControl(`${path}/${name}`);
    if (text !== undefined) values[name] = text;
  }
  return values;
}
