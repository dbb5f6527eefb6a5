import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { unavailable } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { endOfArchive, encodeHeader, paddingOf, type TarHeader, tarHeader, tarType } from './tar-format.ts';

const program = '/bin/busybox';
const hint = 'install the package busybox-static';
const maximumProgram = 64 * 1024 * 1024;

const directories: readonly (readonly [path: string, mode: number])[] = [
  ['bin', 0o755],
  ['dev', 0o755],
  ['etc', 0o755],
  ['home', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['run', 0o755],
  ['sbin', 0o755],
  ['sys', 0o555],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['usr/bin', 0o755],
  ['usr/sbin', 0o755],
  ['var', 0o755],
  ['var/spool', 0o755],
  ['var/spool/mail', 0o755],
  ['var/tmp', 0o1777],
  ['var/www', 0o755],
];

const accounts = [
  ['root', 0, 'root', '/root', '/bin/sh'],
  ['daemon', 1, 'daemon', '/usr/sbin', '/bin/false'],
  ['bin', 2, 'bin', '/bin', '/bin/false'],
  ['sys', 3, 'sys', '/dev', '/bin/false'],
  ['mail', 8, 'mail', '/var/spool/mail', '/bin/false'],
  ['www-data', 33, 'www-data', '/var/www', '/bin/false'],
  ['operator', 37, 'Operator', '/var', '/bin/false'],
  ['nobody', 65_534, 'nobody', '/home', '/bin/false'],
] as const;

const extraGroups = ['adm:x:4:', 'tty:x:5:', 'disk:x:6:', 'wheel:x:10:', 'utmp:x:43:', 'users:x:100:'];

function textFiles(): readonly (readonly [path: string, mode: number, content: string])[] {
  const passwd = accounts.map(
    ([name, id, comment, home, shell]) => `${name}:x:${id}:${id}:${comment}:${home}:${shell}`,
  );
  const shadow = accounts.map(([name]) => `${name}:*:::::::`);
  const group = [...accounts.map(([name, id]) => `${name}:x:${id}:`), ...extraGroups];
  const lines = (rows: readonly string[]): string => `${rows.join('\n')}\n`;
  return [
    ['etc/group', 0o644, lines(group)],
    ['etc/passwd', 0o644, lines(passwd)],
    ['etc/shadow', 0o600, lines(shadow)],
  ];
}

async function readProgram(): Promise<{ readonly content: Buffer; readonly modified: number }> {
  try {
    const file = await open(program, 'r');
    try {
      const { size, mtimeMs } = await file.stat();
      if (size > maximumProgram) throw unavailable('busybox-unsuitable', `${program} is implausibly large`);
      return { content: await file.readFile(), modified: Math.floor(mtimeMs / 1000) };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
    throw unavailable('busybox-missing', `there is no ${program} to make an image from`, { hint });
  }
}

/** Whether an ELF program names an interpreter (PT_INTERP): then it does not run in a root of its own. */
export function isDynamic(elf: Buffer): boolean {
  if (!elf.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'))) return true;
  const wide = elf[4] === 2;
  const start = wide ? Number(elf.readBigUInt64LE(32)) : elf.readUInt32LE(28);
  const size = elf.readUInt16LE(wide ? 54 : 42);
  const count = elf.readUInt16LE(wide ? 56 : 44);
  for (let index = 0; index < count; index++) {
    if (elf.readUInt32LE(start + index * size) === 3) return true;
  }
  return false;
}

/** Paths of the applets: "bin/sh", "usr/bin/awk", … */
async function applets(signal: AbortSignal): Promise<string[]> {
  const { stdout } = await promisify(execFile)(program, ['--list-full'], { signal, timeout: 20_000 });
  const known = new Set(directories.map(([path]) => path));
  return stdout
    .split('\n')
    .map((line) => line.trim().replace(/^\/+/, ''))
    .filter((path) => path !== 'bin/busybox' && known.has(path.slice(0, path.lastIndexOf('/'))))
    .filter((path) => /^[a-z/]+\/[^/]+$/.test(path))
    .toSorted();
}

/**
 * A root file system around the host's static busybox, as a tar. Equal programs give equal bytes: all times are those
 * of the program, and the order is fixed.
 */
export async function busyboxRoot(signal: AbortSignal): Promise<{ readonly tar: Buffer; readonly modified: number }> {
  const { content, modified } = await readProgram();
  if (isDynamic(content)) {
    throw unavailable('busybox-unsuitable', `${program} is linked dynamically and cannot run in an image`, { hint });
  }
  const parts: Buffer[] = [];
  const add = (fields: Partial<TarHeader> & Pick<TarHeader, 'type' | 'mode'>, path: string, body?: Buffer): void => {
    const size = body?.length ?? 0;
    const times = { seconds: modified, nanoseconds: 0 };
    parts.push(encodeHeader(tarHeader({ ...fields, name: Buffer.from(path), size, modified: times })));
    if (body !== undefined) parts.push(body, Buffer.alloc(paddingOf(size)));
  };
  add({ type: tarType.directory, mode: 0o755 }, './');
  for (const [path, mode] of directories) add({ type: tarType.directory, mode }, `${path}/`);
  add({ type: tarType.file, mode: 0o755 }, 'bin/busybox', content);
  for (const path of await applets(signal)) {
    add({ type: tarType.link, mode: 0o755, linkName: Buffer.from('bin/busybox') }, path);
  }
  for (const [path, mode, body] of textFiles()) add({ type: tarType.file, mode }, path, Buffer.from(body));
  return { tar: Buffer.concat([...parts, endOfArchive]), modified };
}
