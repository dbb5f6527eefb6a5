import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hasErrno } from './kernel-error.ts';

/** USER_HZ: the unit of times in /proc/PID/stat, 100 on every architecture that Linux supports today. */
export const ticksPerSecond = 100;

/** A row of the process table, as ps(1) needs it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  /** Effective user. */
  readonly uid: number;
  readonly gid: number;
  /** One letter of proc_pid_stat(5): R, S, D, Z, T, … */
  readonly state: string;
  readonly command: string;
  /** Empty for zombies and kernel threads. */
  readonly arguments: readonly string[];
  readonly processGroup: number;
  readonly session: number;
  /** "pts/0", "tty1", or "?" without one. */
  readonly terminal: string;
  readonly foregroundGroup: number;
  readonly cpuSeconds: number;
  /** Since the epoch. */
  readonly startSeconds: number;
  readonly nice: number;
  readonly priority: number;
  readonly threads: number;
  readonly virtualBytes: number;
  readonly residentBytes: number;
  readonly lockedBytes: number;
}

/** Rows of those of `pids` that still exist, in the order given. */
export async function processEntries(pids: readonly number[]): Promise<readonly ProcessEntry[]> {
  const boot = bootSeconds();
  const entries = await Promise.all(pids.map(async (pid) => await processEntry(pid, boot)));
  return entries.filter((entry) => entry !== undefined);
}

async function processEntry(pid: number, boot: number): Promise<ProcessEntry | undefined> {
  try {
    const [stat, status, commandLine] = await Promise.all(
      ['stat', 'status', 'cmdline'].map(async (file) => await readFile(`/proc/${pid}/${file}`, 'utf8')),
    );
    return parseProcessEntry(pid, stat ?? '', status ?? '', commandLine ?? '', boot);
  } catch (error) {
    // It ended between the listing and the reading.
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}

export function parseProcessEntry(
  pid: number,
  stat: string,
  status: string,
  commandLine: string,
  boot: number,
): ProcessEntry {
  // The command in parentheses may hold spaces and parentheses itself: fields count from the last one.
  const close = stat.lastIndexOf(')');
  const fields = stat.slice(close + 2).split(' ');
  const number = (index: number): number => Number(fields[index - 3] ?? 0);
  const statusField = (name: string, column: number): number =>
    Number(new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.split(/\s+/)[column] ?? 0);
  return {
    pid,
    parentPid: number(4),
    uid: statusField('Uid', 1),
    gid: statusField('Gid', 1),
    state: fields[0] ?? '?',
    command: stat.slice(stat.indexOf('(') + 1, close),
    arguments: commandLine === '' ? [] : commandLine.replace(/\0+$/, '').split('\0'),
    processGroup: number(5),
    session: number(6),
    terminal: terminalName(number(7)),
    foregroundGroup: number(8),
    cpuSeconds: (number(14) + number(15)) / ticksPerSecond,
    startSeconds: boot + number(22) / ticksPerSecond,
    nice: number(19),
    priority: number(18),
    threads: number(20),
    virtualBytes: number(23),
    // Exact, unlike field 24 of stat, which lags behind; absent for kernel threads.
    residentBytes: statusField('VmRSS', 0) * 1024,
    lockedBytes: statusField('VmLck', 0) * 1024,
  };
}

/** Name of a terminal by its device number (admin-guide/devices.txt of the kernel). */
function terminalName(device: number): string {
  if (device === 0) return '?';
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  // 136-143 are the slaves of Unix98 pseudo terminals, 256 minors each.
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  if (major === 5 && minor === 1) return 'console';
  return '?';
}

function bootSeconds(): number {
  return Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0);
}
