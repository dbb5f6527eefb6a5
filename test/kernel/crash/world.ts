/** One cortend that a test kills, stops and starts again on the same roots. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ApiClient } from '../../support/api-client.ts';
import { importBusybox } from '../../support/busybox-image.ts';
import { type CommandResult, runCommand } from '../../support/command.ts';
import { startCortend, type TestDaemon } from '../../support/daemons.ts';
import { eventually } from '../../support/eventually.ts';
import { leftoversOf } from '../../support/leftovers.ts';

/** Generous: the machine may be busy. */
export const deadlineMs = 30_000;

/** A TCP port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

export interface Inspection {
  readonly Id: string;
  readonly Name: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly Running: boolean;
    readonly Paused: boolean;
    readonly OOMKilled: boolean;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly Error: string;
    readonly Health?: { readonly Status: string; readonly FailingStreak: number; readonly Log: readonly unknown[] };
  };
}

export interface WorldOptions {
  readonly args?: readonly string[];
  readonly directory?: string;
  /** false: without busybox:latest. */
  readonly image?: boolean;
  readonly logLevel?: string | undefined;
}

export class World {
  daemon: TestDaemon;
  readonly directory: string;
  readonly #options: WorldOptions;
  #api: ApiClient;

  private constructor(daemon: TestDaemon, options: WorldOptions) {
    this.daemon = daemon;
    this.directory = daemon.directory;
    this.#options = options;
    this.#api = new ApiClient(daemon.socket);
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World(await startCortend(options), options);
    if (options.image !== false) await importBusybox(world.daemon);
    return world;
  }

  get api(): ApiClient {
    return this.#api;
  }

  async start(): Promise<void> {
    this.daemon = await startCortend({ ...this.#options, directory: this.directory });
    this.#api = new ApiClient(this.daemon.socket);
  }

  async kill(): Promise<void> {
    this.#api.close();
    await this.daemon.kill();
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    this.#api.close();
    await this.daemon.terminate();
  }

  /** kill -9, then a new daemon on the same roots. */
  async crash(): Promise<void> {
    await this.kill();
    await this.start();
  }

  docker(...args: readonly string[]): Promise<CommandResult> {
    return this.daemon.docker(args);
  }

  /** What a docker command prints; it must succeed. */
  async out(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.docker(...args);
    assert.equal(code, 0, `docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  /** `docker run -d` with these flags, image busybox. Returns the id. */
  run(flags: readonly string[], ...command: readonly string[]): Promise<string> {
    return this.out('run', '-d', ...flags, 'busybox', ...command);
  }

  async inspect(id: string): Promise<Inspection> {
    return (await this.api.call('GET', `/containers/${id}/json`)) as Inspection;
  }

  /** Waits until the state is as wanted, and returns it. */
  async until(id: string, wanted: (inspection: Inspection) => boolean, what: string): Promise<Inspection> {
    let last: Inspection | undefined;
    await eventually(
      async () => {
        last = await this.inspect(id);
        return wanted(last);
      },
      deadlineMs,
      what,
    ).catch((error: unknown) => {
      throw new Error(`${what}: ${JSON.stringify(last?.State)}`, { cause: error });
    });
    assert.ok(last);
    return last;
  }

  /** Lines that the container has logged so far. */
  async logLines(id: string): Promise<readonly string[]> {
    return (await this.out('logs', id)).split('\n').filter(Boolean);
  }

  async removeAll(): Promise<void> {
    const ids = (await this.out('ps', '-aq', '--no-trunc')).split('\n').filter(Boolean);
    for (const id of ids) await this.docker('rm', '-f', '-v', id);
  }

  statePath(id: string): string {
    return join(this.directory, 'run', 'containers', id);
  }

  async instance(): Promise<string> {
    return createHash('sha256')
      .update(await realpath(join(this.directory, 'data')))
      .digest('hex')
      .slice(0, 6);
  }

  async wholeLog(): Promise<string> {
    return await readFile(join(this.directory, 'daemon.log'), 'utf8');
  }

  /** No container left: an orderly stop must leave the host as it was. Also the exec root is empty, but for its lock. */
  async assertNothingLeft(): Promise<void> {
    const instance = await this.instance();
    const { daemon, directory } = this;
    if (!daemon.ended) await this.stop();
    // Monitors and the kernel's own removal of namespaces need a moment.
    await eventually(async () => (await leftoversOf(directory, instance)).length === 0, deadlineMs).catch(async () => {
      assert.deepEqual(await leftoversOf(directory, instance), []);
    });
    assert.equal(existsSync(daemon.socket), false, 'the socket is still there');
    const left: string[] = [];
    for (const name of await readdir(join(directory, 'run'))) {
      if (name === 'cortend.lock') continue;
      if (['containers', 'execs'].includes(name) && (await readdir(join(directory, 'run', name))).length === 0)
        continue;
      left.push(name);
    }
    assert.deepEqual(left, [], 'files in the exec root');
    for (const name of ['containers', 'containers-rw'])
      assert.deepEqual(await readdir(join(directory, 'data', name)).catch(() => []), [], `files in ${name}`);
  }

  /** A daemon with an empty state removes whatever belongs to no container, which then is everything. */
  async #startSomehow(): Promise<void> {
    try {
      await this.start();
    } catch {
      for (const suffix of ['', '-wal', '-shm'])
        await rm(join(this.directory, 'data', `corten.db${suffix}`), { force: true });
      await this.start();
    }
  }

  /** Removes whatever a test that failed left: a daemon that is gone is started again for it. */
  async close(): Promise<void> {
    try {
      if (this.daemon.ended && existsSync(join(this.directory, 'data'))) await this.#startSomehow();
      if (!this.daemon.ended) await this.removeAll();
    } finally {
      if (!this.daemon.ended) await this.daemon.stop();
      await rm(this.directory, { recursive: true, force: true });
    }
  }
}

/** Runs a cortend that is expected to end by itself, on the roots of `directory` (flags that follow win). */
export async function cortend(directory: string, ...args: readonly string[]): Promise<CommandResult> {
  const given = (flag: string): boolean => args.includes(flag);
  const defaults = [
    ...(given('--data-root') ? [] : ['--data-root', join(directory, 'data')]),
    ...(given('--exec-root') ? [] : ['--exec-root', join(directory, 'run')]),
    ...(given('-H') ? [] : ['-H', `unix://${join(directory, 'c.sock')}`]),
  ];
  const program = join(import.meta.dirname, '../../../bin/cortend');
  return await runCommand(program, ['--log-level', 'warn', ...defaults, ...args], { timeoutMs: deadlineMs });
}
