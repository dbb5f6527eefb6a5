import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { invalidArgument } from '../base/index.ts';
import { hasErrno, hostMemoryBytes, processEntries } from '../kernel/index.ts';
import { type TopColumn, topColumns } from './top-columns.ts';

const execute = promisify(execFile);
const psTimeoutMilliseconds = 10_000;
const psMaximumBytes = 16 << 20;

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

/**
 * The container's processes in ps(1)'s columns. The common arguments are answered from /proc without a subprocess; all others by the
 * host's ps, filtered by PID as Docker does. Names are the host's, since ps runs there.
 * @param pids host PIDs of everything in the container
 * @param psArguments as the user gave them; "" is "-ef"
 * Throws invalid-argument `invalid-ps-arguments`.
 */
export async function topContainer(pids: readonly number[], psArguments: string): Promise<ProcessTable> {
  const columns = topColumns(psArguments);
  if (columns === undefined) return await topByPs(pids, psArguments);
  if (!columns.some(({ title }) => title === 'PID')) throw withoutPid();
  return await topFromProc(pids, columns);
}

async function topFromProc(pids: readonly number[], columns: readonly TopColumn[]): Promise<ProcessTable> {
  const [entries, users, groups] = await Promise.all([
    processEntries(pids.toSorted((one, other) => one - other)),
    names('/etc/passwd'),
    names('/etc/group'),
  ]);
  const context = {
    nowSeconds: Date.now() / 1000,
    memoryBytes: hostMemoryBytes(),
    userName: (uid: number) => users.get(uid) ?? String(uid),
    groupName: (gid: number) => groups.get(gid) ?? String(gid),
  };
  return {
    titles: columns.map(({ title }) => title),
    processes: entries.map((entry) => columns.map(({ value }) => value(entry, context))),
  };
}

/** Names by id of /etc/passwd or /etc/group, whose third field is the id in both. */
async function names(path: string): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>();
  const text = await readFile(path, 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (name !== '' && /^\d+$/.test(id) && !found.has(Number(id))) found.set(Number(id), name);
  }
  return found;
}

/** Asynchronously: ps takes several milliseconds. */
async function topByPs(pids: readonly number[], psArguments: string): Promise<ProcessTable> {
  const words = psArguments.split(/\s+/).filter((word) => word !== '');
  const limits = {
    timeout: psTimeoutMilliseconds,
    maxBuffer: psMaximumBytes,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  };
  let output: string;
  try {
    // -q restricts the output to our processes, but cannot be joined with every selection: then all are listed.
    output = (await execute('ps', [...words, `-q${pids.join(',')}`], limits)).stdout;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) throw withoutPs(psArguments);
    output = (await execute('ps', words, limits).catch((cause: unknown) => Promise.reject(psFailed(cause)))).stdout;
  }
  return parsePs(output, new Set(pids));
}

/** Splits ps output at blanks; the last column takes the rest of the line. */
export function parsePs(output: string, pids: ReadonlySet<number>): ProcessTable {
  const [header = '', ...lines] = output.split('\n');
  const titles = fieldsOf(header);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0) throw withoutPid();
  const processes = lines.flatMap((line) => {
    const fields = fieldsOf(line);
    if (fields.length < titles.length || !pids.has(Number(fields[pidColumn]))) return [];
    return [[...fields.slice(0, titles.length - 1), fields.slice(titles.length - 1).join(' ')]];
  });
  return { titles, processes };
}

const fieldsOf = (line: string): string[] => line.split(/[ \t]+/).filter((field) => field !== '');

const withoutPid = (): Error =>
  invalidArgument('invalid-ps-arguments', "Couldn't find PID field in ps output", {
    hint: 'let the ps arguments show the column PID',
  });

const withoutPs = (psArguments: string): Error =>
  invalidArgument(
    'invalid-ps-arguments',
    `the ps arguments ${JSON.stringify(psArguments)} need the host's ps command, which is not installed`,
    {
      hint: 'install procps, or use -ef, aux or -o with the common columns',
    },
  );

function psFailed(cause: unknown): Error {
  const text = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
  return invalidArgument('invalid-ps-arguments', `error running ps: ${text.split('\n')[0] ?? ''}`, { cause });
}
