/**
 * Kills cortend with SIGKILL at random points of mixed concurrent work, again and again on the same state, and checks
 * after each restart that nothing acknowledged was lost, and at the end that nothing was left behind.
 *   CORTEN_CRASH_KILLS=200   how often      CORTEN_CRASH_SEED=n   repeats a run's choices
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../support/random.ts';
import { runCommand } from '../../support/command.ts';
import { assertNumbered, assertShortEnd, logOf, page, reckon } from './reckoning.ts';
import { numberedLines, Worker } from './workload.ts';
import { freePort, World } from './world.ts';

const kills = Number(process.env['CORTEN_CRASH_KILLS'] ?? 200);
const seed = Number(process.env['CORTEN_CRASH_SEED'] ?? Date.now() % 1_000_000);
const workers = 4;

/** Containers that run through all of it. */
class Witnesses {
  readonly #world: World;
  readonly #port: number;
  readonly #ids: { readonly web: string; readonly checked: string; readonly frozen: string };
  #pids: readonly number[] = [];
  #lines = 0;

  private constructor(world: World, port: number, ids: Witnesses['ids']) {
    this.#world = world;
    this.#port = port;
    this.#ids = ids;
  }

  get ids(): { readonly web: string; readonly checked: string; readonly frozen: string } {
    return this.#ids;
  }

  static async start(world: World): Promise<Witnesses> {
    const port = await freePort();
    const run = (...flags: readonly string[]): Promise<string> =>
      world.run(['--label', 'witness', ...flags], 'sh', '-c', numberedLines);
    const witnesses = new Witnesses(world, port, {
      web: await run('-p', `${port}:80`),
      checked: await run('--network', 'none', '--health-cmd', 'true', '--health-interval', '50ms'),
      frozen: await run('--network', 'none', '--restart', 'always'),
    });
    await world.out('pause', witnesses.#ids.frozen);
    await world.until(witnesses.#ids.checked, ({ State }) => State.Health?.Status === 'healthy', 'healthy');
    witnesses.#pids = await witnesses.#look();
    return witnesses;
  }

  async #look(): Promise<readonly number[]> {
    const all = await Promise.all(Object.values(this.#ids).map((id) => this.#world.inspect(id)));
    return all.map(({ State }) => State.Pid);
  }

  /** With no daemon there. */
  async whileAway(): Promise<void> {
    assert.match(await page(this.#port), /hello/);
  }

  async check(): Promise<void> {
    assert.deepEqual(await this.#look(), this.#pids);
    assert.match(await page(this.#port), /hello/);
    const { checked, frozen, web } = this.#ids;
    assert.equal((await this.#world.inspect(checked)).State.Health?.Status, 'healthy');
    assert.equal((await this.#world.inspect(frozen)).State.Status, 'paused');
    const lines = assertNumbered(await logOf(this.#world.api, web), 1, 'web');
    assert.ok(lines >= this.#lines);
    this.#lines = lines;
  }

  /** Probes go on, and the frozen one goes on where it was. */
  async end(): Promise<void> {
    const { checked, frozen } = this.#ids;
    await this.#world.until(checked, ({ State }) => (State.Health?.Log.length ?? 0) > 1, 'more probes');
    const before = (await logOf(this.#world.api, frozen)).length;
    await this.#world.out('unpause', frozen);
    await this.#world.until(frozen, ({ State }) => State.Status === 'running', 'unpaused');
    while ((await logOf(this.#world.api, frozen)).length <= before) await delay(20);
    assertNumbered(await logOf(this.#world.api, frozen), 1, 'frozen');
  }
}

/** Policies have had their time. */
async function assertSettled(world: World, crew: readonly Worker[]): Promise<void> {
  for (const one of crew.flatMap(({ known }) => known)) {
    if (one.exitCode === undefined || one.state !== 'started') continue;
    assertShortEnd(one, await world.until(one.id, ({ State }) => State.Status === 'exited', `the end of ${one.name}`));
  }
}

it(`survives ${kills} kills at random points (seed ${seed})`, { timeout: 1_200_000 }, async () => {
  const random = new Random(seed);
  const world = await World.open();
  const crew = Array.from(
    { length: workers },
    (_, index) => new Worker(`w${index}`, new Random(random.below(2 ** 31))),
  );
  try {
    const witnesses = await Witnesses.start(world);
    for (let kill = 0; kill < kills; kill += 1) {
      const { api } = world;
      let stopped = false;
      const work = crew.map(async (worker) => await worker.run(api, () => stopped));
      try {
        // A step that fails before the kill is a failure of the daemon, which need not wait for the kill.
        await Promise.race([delay(random.below(120)), Promise.all(work)]);
      } finally {
        stopped = true;
        await world.kill();
        await Promise.allSettled(work);
      }
      await Promise.all(work);
      if (kill % 10 === 0) await witnesses.whileAway();
      await world.start();
      await reckon(world.api, crew);
      await witnesses.check();
    }
    await assertSettled(world, crew);
    await witnesses.end();
    await world.removeAll();
    for (const name of (await world.out('volume', 'ls', '-q')).split('\n').filter(Boolean)) {
      assert.match(name, /^w\d-volume-\d$/, 'a volume of nobody');
      await world.out('volume', 'rm', name);
    }
    await world.assertNothingLeft();
    const groups = await runCommand('find', ['/sys/fs/cgroup', '-type', 'd', '-path', '*/corten-crash-test/*'], {});
    assert.equal(groups.stdout, '');
  } catch (error) {
    throw new Error(`seed ${seed}, daemon log:\n${await world.daemon.log()}`, { cause: error });
  } finally {
    await world.close();
    await runCommand(
      'sh',
      ['-c', 'find /sys/fs/cgroup -depth -type d -path "*/corten-crash-test*" -exec rmdir {} +'],
      {},
    );
  }
  console.log(`${kills} kills, ${crew.reduce((sum, worker) => sum + worker.steps, 0)} steps`);
});
