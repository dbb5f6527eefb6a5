/**
 * Kills cortend with SIGKILL at random points of mixed concurrent work, again and again on the same state, and checks
 * after each restart that nothing acknowledged was lost, and at the end that nothing was left behind.
 *   CORTEN_CRASH_KILLS=200   how often      CORTEN_CRASH_SEED=n   repeats a run's choices
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient, idOf } from '../../support/api-client.ts';
import { importBusybox } from '../../support/busybox-image.ts';
import { startCortend, type TestDaemon } from '../../support/daemons.ts';
import { eventually } from '../../support/eventually.ts';
import { leftoversOf } from '../../support/leftovers.ts';
import { Random } from '../../support/random.ts';

const kills = Number(process.env['CORTEN_CRASH_KILLS'] ?? 200);
const seed = Number(process.env['CORTEN_CRASH_SEED'] ?? Date.now() % 1_000_000);
const workers = 4;

/** What the client was told of a container; `doubtful`: the daemon died before it answered the last request. */
interface Known {
  readonly id: string;
  readonly exitCode: number | undefined;
  state: 'created' | 'started' | 'killed' | 'removed';
  pid: number | undefined;
  doubtful: boolean;
}

interface Inspection {
  readonly State: {
    readonly Status: string;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly Running: boolean;
  };
}

class Worker {
  readonly #random: Random;
  readonly known: Known[] = [];
  steps = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Does steps until the daemon goes away. */
  async run(api: ApiClient, stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      const target = this.#random.pick(this.known.filter((one) => one.state !== 'removed'));
      const choice = this.#random.next();
      try {
        if (target === undefined || (choice < 0.35 && this.known.filter((one) => one.state !== 'removed').length < 6))
          await this.#create(api);
        else if (choice < 0.6) await this.#start(api, target);
        else if (choice < 0.75) await this.#kill(api, target);
        else if (choice < 0.9) await this.#remove(api, target);
        else await this.#exec(api, target);
        this.steps += 1;
      } catch (error) {
        if (!stopped()) throw error;
        return;
      }
    }
  }

  async #create(api: ApiClient): Promise<void> {
    const long = this.#random.next() < 0.6;
    const exitCode = long ? undefined : 1 + this.#random.below(100);
    const command = long ? ['sleep', '100000'] : ['sh', '-c', `exit ${exitCode}`];
    const network = this.#random.next() < 0.5 ? 'bridge' : 'none';
    const id = idOf(
      await api.call('POST', '/containers/create', {
        Image: 'busybox',
        Cmd: command,
        HostConfig: { NetworkMode: network },
      }),
    );
    this.known.push({ id, exitCode, state: 'created', pid: undefined, doubtful: false });
  }

  async #start(api: ApiClient, target: Known): Promise<void> {
    if (target.state !== 'created') return;
    target.doubtful = true;
    await api.call('POST', `/containers/${target.id}/start`);
    target.state = 'started';
    const pid = ((await api.call('GET', `/containers/${target.id}/json`)) as Inspection).State.Pid;
    target.pid = target.exitCode === undefined ? pid : undefined;
    target.doubtful = false;
  }

  async #kill(api: ApiClient, target: Known): Promise<void> {
    if (target.state !== 'started' || target.exitCode !== undefined) return;
    target.doubtful = true;
    await api.call('POST', `/containers/${target.id}/kill`);
    target.state = 'killed';
    target.doubtful = false;
  }

  async #remove(api: ApiClient, target: Known): Promise<void> {
    target.doubtful = true;
    await api.call('DELETE', `/containers/${target.id}?force=1`);
    target.state = 'removed';
    target.doubtful = false;
  }

  async #exec(api: ApiClient, target: Known): Promise<void> {
    if (target.state !== 'started' || target.exitCode !== undefined) return;
    const exec = idOf(await api.call('POST', `/containers/${target.id}/exec`, { Cmd: ['true'] }));
    await api.call('POST', `/exec/${exec}/start`, { Detach: true });
  }
}

async function inspect(api: ApiClient, id: string): Promise<Inspection | undefined> {
  try {
    return (await api.call('GET', `/containers/${id}/json`)) as Inspection;
  } catch (error) {
    if (String(error).includes(' 404 ')) return undefined;
    throw error;
  }
}

/** Compares what the client knows with what the restarted daemon says; a doubtful step may have happened or not. */
async function check(api: ApiClient, known: readonly Known[]): Promise<void> {
  for (const one of known) {
    if (one.state === 'removed' && !one.doubtful) {
      assert.equal(await inspect(api, one.id), undefined, `${one.id} came back after its removal`);
      continue;
    }
    let now = await inspect(api, one.id);
    if (now === undefined) {
      assert.ok(one.doubtful, `${one.id} (${one.state}) is forgotten`);
      one.state = 'removed';
      one.doubtful = false;
      continue;
    }
    if (one.state === 'started' && !one.doubtful && one.exitCode === undefined) {
      assert.equal(now.State.Pid, one.pid, `${one.id} did not survive: ${JSON.stringify(now.State)}`);
      process.kill(now.State.Pid, 0);
    }
    if (one.exitCode !== undefined && now.State.Status !== 'created') {
      await eventually(
        async () => {
          now = await inspect(api, one.id);
          return now?.State.Running === false;
        },
        20_000,
        `the exit of ${one.id}`,
      );
      assert.equal(now.State.ExitCode, one.exitCode, `${one.id}: ${JSON.stringify(now.State)}`);
    }
    if (one.state === 'killed') {
      await eventually(
        async () => (await inspect(api, one.id))?.State.Running === false,
        20_000,
        `the end of ${one.id}`,
      );
    }
    if (one.doubtful) {
      one.state =
        now.State.Status === 'created'
          ? 'created'
          : now.State.Running
            ? 'started'
            : one.exitCode === undefined
              ? 'killed'
              : 'started';
      one.pid = now.State.Running && one.exitCode === undefined ? now.State.Pid : undefined;
      one.doubtful = false;
    }
  }
}

it(`survives ${kills} kills at random points (seed ${seed})`, { timeout: 1_200_000 }, async () => {
  const random = new Random(seed);
  let daemon: TestDaemon = await startCortend();
  const directory = daemon.directory;
  await importBusybox(daemon);
  const crew = Array.from({ length: workers }, () => new Worker(new Random(random.below(2 ** 31))));
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      const api = new ApiClient(daemon.socket);
      let stopped = false;
      const work = crew.map(async (worker) => await worker.run(api, () => stopped));
      await delay(random.below(120));
      stopped = true;
      await daemon.kill();
      api.close();
      await Promise.all(work);
      daemon = await startCortend({ directory });
      const after = new ApiClient(daemon.socket);
      for (const worker of crew) await check(after, worker.known);
      after.close();
      for (const worker of crew)
        worker.known.splice(0, worker.known.length, ...worker.known.filter((one) => one.state !== 'removed'));
    }
    const ids = (await daemon.docker(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
    if (ids.length > 0) assert.equal((await daemon.docker(['rm', '-f', ...ids])).code, 0);
    await assertNothingLeft(daemon);
  } catch (error) {
    throw new Error(`seed ${seed}, daemon log:\n${await daemon.log()}`, { cause: error });
  } finally {
    const ids = (await daemon.docker(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await daemon.docker(['rm', '-f', ...ids]);
    await daemon.stop();
    await rm(directory, { recursive: true, force: true });
  }
  console.log(`${kills} kills, ${crew.reduce((sum, worker) => sum + worker.steps, 0)} steps`);
});

/** With every container removed and the daemon stopped, nothing of it may be on the host. */
async function assertNothingLeft(daemon: TestDaemon): Promise<void> {
  const data = join(daemon.directory, 'data');
  const instance = createHash('sha256')
    .update(await realpath(data))
    .digest('hex')
    .slice(0, 6);
  const execRoot = join(daemon.directory, 'run');
  await eventually(
    async () => (await readdir(join(execRoot, 'containers')).catch(() => [])).length === 0,
    30_000,
    'an empty exec root',
  );
  await eventually(
    async () => (await readdir(join(data, 'containers')).catch(() => [])).length === 0,
    30_000,
    'no container directory',
  );
  process.kill(daemon.pid, 'SIGTERM');
  await eventually(
    async () => (await leftoversOf(daemon.directory, instance)).length === 0,
    30_000,
    'a clean host',
  ).catch(async () => {
    assert.deepEqual(await leftoversOf(daemon.directory, instance), []);
  });
}
