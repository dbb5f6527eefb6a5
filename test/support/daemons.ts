/** Daemons that tests and benchmarks start for themselves: a cortend, and a dockerd as the oracle where it is installed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { type CommandResult, runCommand } from './command.ts';
import { eventually } from './eventually.ts';

export interface TestDaemon {
  readonly name: 'corten' | 'docker';
  readonly socket: string;
  readonly directory: string;
  readonly pid: number;
  /** The end of what the daemon logged, for failure messages. */
  log(): Promise<string>;
  /** SIGTERM, wait, and remove all of its files. */
  stop(): Promise<void>;
  /** SIGKILL and wait; the files stay, for a restart on the same directory. */
  kill(): Promise<void>;
  /** SIGTERM and wait for an orderly end with exit code 0; the files stay. */
  terminate(): Promise<void>;
  readonly ended: boolean;
  /** Runs the docker command line against it. */
  docker(
    args: readonly string[],
    options?: { readonly input?: string | Buffer; readonly timeoutMs?: number },
  ): Promise<CommandResult>;
}

const repository = join(import.meta.dirname, '../..');

/**
 * Whether a daemon answers a ping. A connection alone proves nothing: for a moment after a kill -9, a child that the dead
 * daemon was about to turn into a monitor still holds its listening socket.
 */
async function answers(socketPath: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const ping = get({ socketPath, path: '/_ping' }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
      response.once('error', () => resolve(false));
    });
    ping.once('error', () => resolve(false));
  });
}

async function ended(child: ChildProcess, deadlineMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`process ${child.pid} did not end within ${deadlineMs} ms`)),
      deadlineMs,
    );
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function started(
  name: 'corten' | 'docker',
  directory: string,
  command: string,
  args: readonly string[],
  socket: string,
  removeDirectory: () => Promise<void>,
): Promise<TestDaemon> {
  const logPath = join(directory, 'daemon.log');
  // Through a shell redirection: the log outlives a kill -9 and no pipe can fill up.
  const child = spawn('/bin/sh', ['-c', 'log=$1; shift; exec "$@" >>"$log" 2>&1', 'sh', logPath, command, ...args], {
    stdio: 'ignore',
    detached: true,
  });
  const log = async (): Promise<string> =>
    (await readFile(logPath, 'utf8').catch(() => '')).split('\n').slice(-40).join('\n');
  try {
    await eventually(async () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}`);
      return await answers(socket);
    }, 60_000);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${name} did not start:\n${await log()}`, { cause: error });
  }
  return {
    name,
    socket,
    directory,
    pid: child.pid ?? 0,
    log,
    async stop() {
      child.kill('SIGTERM');
      try {
        await ended(child, 30_000);
      } finally {
        child.kill('SIGKILL');
        await removeDirectory();
      }
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${name} had ended by itself: ${child.exitCode ?? child.signalCode}`);
      }
      child.kill('SIGKILL');
      await ended(child, 30_000);
    },
    async terminate() {
      child.kill('SIGTERM');
      await ended(child, 30_000);
      if (child.exitCode !== 0) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}`);
    },
    get ended() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    async docker(docker, options = {}) {
      return await runCommand('docker', ['-H', `unix://${socket}`, ...docker], {
        ...options,
        env: { DOCKER_CONFIG: directory },
      });
    },
  };
}

/** A cortend of its own, or one on the directory of a killed one. Containers must be removed by the test before stop(). */
export async function startCortend(
  options: {
    readonly directory?: string;
    readonly args?: readonly string[];
    /** warn; undefined: what the daemon's own configuration says. */
    readonly logLevel?: string | undefined;
  } = {},
): Promise<TestDaemon> {
  const logLevel = 'logLevel' in options ? options.logLevel : 'warn';
  // Short, since a unix socket's path has at most 107 bytes.
  const directory = options.directory ?? (await mkdtemp('/tmp/ct-'));
  const socket = join(directory, 'c.sock');
  const args = [
    '--data-root',
    join(directory, 'data'),
    '--exec-root',
    join(directory, 'run'),
    '-H',
    `unix://${socket}`,
    ...(logLevel === undefined ? [] : ['--log-level', logLevel]),
    ...(options.args ?? []),
  ];
  return await started(
    'corten',
    directory,
    join(repository, 'bin/cortend'),
    args,
    socket,
    async () => await rm(directory, { recursive: true, force: true }),
  );
}

export const dockerdPath = ['/usr/sbin/dockerd', '/usr/bin/dockerd'].find((path) => existsSync(path));

/** Whether cases are to be run on a dockerd too: asked for, installed, and we are root. */
export const oracleWanted =
  process.env['CORTEN_ORACLE'] === '1' && dockerdPath !== undefined && process.getuid?.() === 0;

/** A dockerd of the tests' own. `network`: with its own bridge and firewall rules. */
export async function startDockerd(options: { readonly network: boolean }): Promise<TestDaemon> {
  if (dockerdPath === undefined) throw new Error('dockerd is not installed (Debian: apt-get install docker.io)');
  const directory = await mkdtemp('/tmp/dk-');
  const socket = join(directory, 'd.sock');
  const data = join(directory, 'data');
  const args = [
    '--data-root',
    data,
    '--exec-root',
    join(directory, 'run'),
    '-H',
    `unix://${socket}`,
    '--pidfile',
    join(directory, 'pid'),
    '--log-level',
    'warn',
  ];
  // A daemon log that grows without bound once filled a disk: containers of the oracle rotate theirs.
  args.push('--log-opt', 'max-size=10m');
  args.push(
    ...(options.network ? ['--bip', '172.29.250.1/24'] : ['--bridge=none', '--iptables=false', '--ip6tables=false']),
  );
  return await started('docker', directory, dockerdPath, args, socket, async () => {
    // dockerd leaves its layer mounts behind when its containers were killed with it.
    await runCommand(
      'sh',
      ['-c', 'grep -o "$1[^ ]*" /proc/mounts | sort -r | xargs -r umount -l', 'sh', directory],
      {},
    );
    await rm(directory, { recursive: true, force: true });
  });
}
