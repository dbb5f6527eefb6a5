import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hasErrno } from './kernel-error.ts';
import { check, libc } from './libc.ts';

/**
 * Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat), which together with the PID names
 * one process for good. undefined when there is no such process or it is a zombie.
 */
export function processStartTime(pid: number): string | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // ESRCH: it went between open and read.
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
  // The command in parentheses may hold spaces and parentheses itself: count from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return fields[19];
}

/** Whether the process that once had this PID and start time is still alive. */
export function isSameProcess(pid: number, startTime: string): boolean {
  return pid > 0 && processStartTime(pid) === startTime;
}

const systemCallPidfdOpen = 434;
const pidfdOpenCall = libc.func('long syscall(long number, int pid, uint32 flags)');

/** A descriptor of a process that never comes to mean another one. The caller closes it. Throws ESRCH when it is gone. */
export function openProcess(pid: number): number {
  return check('pidfd_open', Number(pidfdOpenCall(systemCallPidfdOpen, pid, 0)), String(pid));
}

export interface ProcessStatus {
  readonly seccomp: 'disabled' | 'strict' | 'filter';
  readonly noNewPrivileges: boolean;
  readonly effective: bigint;
  readonly bounding: bigint;
  readonly uid: number;
}

/** Parts of /proc/PID/status that say what a process may do; undefined when there is no such process. */
export async function processStatus(pid: number): Promise<ProcessStatus | undefined> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1] ?? '0';
  const modes = ['disabled', 'strict', 'filter'] as const;
  return {
    seccomp: modes[Number(field('Seccomp'))] ?? 'disabled',
    noNewPrivileges: field('NoNewPrivs') === '1',
    effective: BigInt(`0x${field('CapEff')}`),
    bounding: BigInt(`0x${field('CapBnd')}`),
    uid: Number(field('Uid')),
  };
}

export const namespaceFiles = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const;

/** Inode numbers of a process's namespaces, by the names of /proc/PID/ns; kinds that this kernel lacks are left out. */
export function namespaceInodes(pid: number | 'self'): ReadonlyMap<string, number> {
  const inodes = new Map<string, number>();
  for (const kind of namespaceFiles) {
    try {
      const target = readlinkSync(`/proc/${pid}/ns/${kind}`);
      inodes.set(kind, Number(/\[(\d+)\]$/.exec(target)?.[1] ?? 0));
    } catch (error) {
      if (!hasErrno(error, 'ENOENT', 'ESRCH')) throw error;
    }
  }
  return inodes;
}

export interface MountEntry {
  /** major:minor of the file system. */
  readonly device: string;
  readonly target: string;
  readonly root: string;
  readonly type: string;
  readonly source: string;
  readonly options: string;
  readonly superOptions: string;
}

const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** The mount table as a process sees it. */
export async function mountTable(pid: number | 'self'): Promise<readonly MountEntry[]> {
  return parseMountTable(await readFile(`/proc/${pid}/mountinfo`, 'utf8'));
}

export function parseMountTable(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const separator = line.indexOf(' - ');
    if (separator < 0) return [];
    const [, , device = '', root = '', target = '', options = ''] = line.slice(0, separator).split(' ');
    const [type = '', source = '', superOptions = ''] = line.slice(separator + 3).split(' ');
    return [
      {
        device,
        target: unescapeOctal(target),
        root: unescapeOctal(root),
        type,
        source: unescapeOctal(source),
        options,
        superOptions,
      },
    ];
  });
}

/** CPU time of the whole host since boot in nanoseconds (idle included), and how many CPUs are online. */
export function hostCpuTime(): { readonly totalNanoseconds: number; readonly onlineCpus: number } {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  // user nice system idle iowait irq softirq: guest time is part of user, as Docker counts it. 10 ms a tick.
  const ticks = (lines[0] ?? '')
    .split(/\s+/)
    .slice(1, 8)
    .reduce((sum, field) => sum + Number(field), 0);
  return { totalNanoseconds: ticks * 1e7, onlineCpus: lines.filter((line) => /^cpu\d/.test(line)).length };
}

/** MemTotal of /proc/meminfo in bytes. */
export function hostMemoryBytes(): number {
  return Number(/^MemTotal:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
}

/** A sysctl in slash form ("net/ipv4/ip_forward"); undefined when the kernel does not have it. */
export function readSysctl(key: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${key}`, 'utf8').trim();
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export interface DeviceNode {
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The device node at a host path, links followed; undefined when it is something else. Throws ENOENT. */
export function deviceNode(path: string): DeviceNode | undefined {
  const status = statSync(path);
  const type = status.isCharacterDevice() ? 'c' : status.isBlockDevice() ? 'b' : undefined;
  if (type === undefined) return undefined;
  // The encoding of dev_t that user space sees (gnu_dev_major, gnu_dev_minor).
  const device = BigInt(status.rdev);
  return {
    type,
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
    mode: status.mode & 0o777,
    uid: status.uid,
    gid: status.gid,
  };
}

/** Whether a host path is a symbolic link: such entries of /dev are not devices of their own. */
export function isSymbolicLink(path: string): boolean {
  return lstatSync(path).isSymbolicLink();
}

let oomScoreAdjust: number | undefined;

/** oom_score_adj of this daemon, which its children inherit. Read once: nobody changes it under way. */
export function ownOomScoreAdjust(): number {
  oomScoreAdjust ??= Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
  return oomScoreAdjust;
}
