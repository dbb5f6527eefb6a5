/** Compares what clients were told with what a restarted daemon says; a doubtful step may have happened or not. */
import assert from 'node:assert/strict';
import type { ApiClient } from '../../support/api-client.ts';
import { eventually } from '../../support/eventually.ts';
import type { Existence, Known, Worker } from './workload.ts';
import { deadlineMs, type Inspection } from './world.ts';

async function orMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (String(error).includes(': 404 ')) return undefined;
    throw error;
  }
}

const inspect = async (api: ApiClient, id: string): Promise<Inspection | undefined> =>
  (await orMissing(api.call('GET', `/containers/${id}/json`))) as Inspection | undefined;

export async function reckon(api: ApiClient, workers: readonly Worker[]): Promise<void> {
  const known = workers.flatMap((worker) => worker.known);
  for (const one of known) await new Reckoning(api, one).run();
  await removeStrangers(api, known);
  for (const worker of workers) {
    await reckonNames(worker.volumes, (name) => api.call('GET', `/volumes/${name}`));
    await reckonNames(worker.tags, (name) => api.call('GET', `/images/${name}/json`));
    worker.known.splice(0, worker.known.length, ...worker.known.filter(({ state }) => state !== 'removed'));
  }
}

async function reckonNames(names: Map<string, Existence>, find: (name: string) => Promise<unknown>): Promise<void> {
  for (const [name, expected] of names) {
    const now = (await orMissing(find(name))) === undefined ? 'absent' : 'present';
    if (expected !== 'doubtful') assert.equal(now, expected, name);
    names.set(name, now);
  }
}

/** Containers whose creation was never acknowledged: they exist whole and untouched, or not at all. */
async function removeStrangers(api: ApiClient, known: readonly Known[]): Promise<void> {
  const ids = new Set(known.map(({ id }) => id));
  const all = (await api.call('GET', '/containers/json?all=1')) as readonly {
    readonly Id: string;
    readonly State: string;
    readonly Labels: Readonly<Record<string, string>>;
  }[];
  for (const { Id, State, Labels } of all) {
    if (ids.has(Id) || 'witness' in Labels) continue;
    // A container with autoRemove that was killed is forgotten by its worker, and may be about to go.
    if (State === 'created') await api.call('DELETE', `/containers/${Id}?v=1`);
    else await eventually(async () => (await inspect(api, Id)) === undefined, deadlineMs, `the end of ${Id}, ${State}`);
  }
}

class Reckoning {
  readonly #api: ApiClient;
  readonly #one: Known;

  constructor(api: ApiClient, one: Known) {
    this.#api = api;
    this.#one = one;
  }

  async run(): Promise<void> {
    const one = this.#one;
    const now = await inspect(this.#api, one.id);
    if (one.state === 'removed' && !one.doubtful) {
      assert.equal(now, undefined, `${one.name} came back after its removal`);
      return;
    }
    if (now === undefined) {
      assert.ok(one.doubtful || this.#removesItself(), `${JSON.stringify(one)} is forgotten`);
      one.state = 'removed';
      return;
    }
    assert.ok(['created', 'running', 'paused', 'exited', 'restarting'].includes(now.State.Status), this.#say(now));
    assert.ok(one.names.includes(now.Name.slice(1)), `${now.Name}, not ${one.names.join(' or ')}`);
    one.names = [now.Name.slice(1)];
    if (one.doubtful) await this.#settle(now);
    else await this.#compare(now);
    await this.#readLog();
  }

  #say({ State, RestartCount }: Inspection): string {
    return `${JSON.stringify(this.#one)} is now ${JSON.stringify({ ...State, RestartCount })}`;
  }

  #removesItself(): boolean {
    return this.#one.autoRemove && this.#one.exitCode !== undefined && this.#one.state === 'started';
  }

  async #compare(now: Inspection): Promise<void> {
    const one = this.#one;
    if (one.exitCode !== undefined) await this.#compareShort(now);
    else if (one.state === 'started') await this.#compareLong(now);
    else if (one.state === 'killed') await this.#compareKilled();
    else assert.equal(now.State.Status, 'created', this.#say(now));
  }

  async #compareLong(now: Inspection): Promise<void> {
    const one = this.#one;
    assert.equal(now.State.Status, one.paused ? 'paused' : 'running', this.#say(now));
    assert.equal(now.State.Pid, one.pid, this.#say(now));
    process.kill(now.State.Pid, 0);
    if (one.port !== undefined && !one.paused) assert.match(await page(one.port), /hello/, this.#say(now));
  }

  async #compareKilled(): Promise<void> {
    const one = this.#one;
    // "always" forgets with the daemon's restart that a user ended it.
    const wanted = one.policy === 'always' ? 'running' : 'exited';
    await this.#until(({ State }) => State.Status === wanted, wanted);
    const now = await inspect(this.#api, one.id);
    if (wanted === 'exited') {
      assert.equal(now?.State.ExitCode, 137);
      return;
    }
    one.state = 'started';
    one.starts += 1;
    one.pid = now?.State.Pid;
  }

  async #compareShort(now: Inspection): Promise<void> {
    const one = this.#one;
    if (one.state === 'created') {
      assert.equal(now.State.Status, 'created', this.#say(now));
      return;
    }
    if (one.autoRemove) {
      await eventually(
        async () => (await inspect(this.#api, one.id)) === undefined,
        deadlineMs,
        `the end of ${one.name}`,
      );
      one.state = 'removed';
      return;
    }
    // A policy may still be at work: the end of it is looked at when all is over.
    if (one.policy === 'no') await this.#until(({ State }) => State.Status === 'exited', 'the exit');
    const then = (await inspect(this.#api, one.id)) ?? now;
    if (then.State.Status === 'exited') assertShortEnd(one, then);
  }

  async #until(wanted: (now: Inspection) => boolean, what: string): Promise<void> {
    let last: Inspection | undefined;
    await eventually(
      async () => {
        last = await inspect(this.#api, this.#one.id);
        return last !== undefined && wanted(last);
      },
      deadlineMs,
      what,
    ).catch((error: unknown) => {
      throw new Error(`${what}: ${last === undefined ? 'gone' : this.#say(last)}`, { cause: error });
    });
  }

  /** Takes over which of the two it was. */
  async #settle(now: Inspection): Promise<void> {
    const one = this.#one;
    one.doubtful = false;
    if (one.state === 'removed') one.state = 'started';
    if (now.State.Status === 'created') {
      assert.equal(one.state, 'created', this.#say(now));
      return;
    }
    if (one.exitCode !== undefined) {
      one.state = 'started';
      await this.#compareShort(now);
      return;
    }
    if (one.policy !== 'no') {
      // What was killed, or half way through a restart, may be about to run again.
      await this.#until(({ State }) => State.Running || State.Status === 'exited', 'running or exited');
      one.starts += 1;
    }
    const { State } = (await inspect(this.#api, one.id)) ?? now;
    one.state = State.Running ? 'started' : 'killed';
    one.paused = State.Status === 'paused';
    one.pid = State.Running ? State.Pid : undefined;
    if (State.Running) process.kill(State.Pid, 0);
    else assert.equal(State.ExitCode, 137, this.#say(now));
  }

  async #readLog(): Promise<void> {
    const one = this.#one;
    if (one.exitCode !== undefined || one.starts === 0 || one.state === 'removed') return;
    const count = assertNumbered(await logOf(this.#api, one.id), one.starts, one.name);
    assert.ok(count >= one.lines, `${one.name} had ${one.lines} lines, and has ${count}`);
    one.lines = count;
  }
}

export function assertShortEnd(one: Known, { State, RestartCount }: Inspection): void {
  const wanted = [one.exitCode, one.policy === 'on-failure' ? 2 : 0];
  assert.deepEqual([State.ExitCode, RestartCount], wanted, one.name);
}

/** Every run counts from 1 without a gap. Returns how many lines there are. */
export function assertNumbered(lines: readonly number[], runs: number, name: string): number {
  let seen = 0;
  let before = 0;
  for (const line of lines) {
    if (line === 1) seen += 1;
    else assert.equal(line, before + 1, `${name}: a gap in ${lines.join(' ')}`);
    before = line;
  }
  assert.ok(seen <= runs, `${name}: ${seen} runs, not ${runs}`);
  return lines.length;
}

/** Numbers that a container has written. Frames of the Engine API have a header of 8 bytes each, one a line. */
export async function logOf(api: ApiClient, id: string): Promise<readonly number[]> {
  const text = await api.call('GET', `/containers/${id}/logs?stdout=1`);
  if (text === undefined) return [];
  assert.ok(typeof text === 'string');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => Number(/\d+$/.exec(line)?.[0]));
}

export async function page(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(deadlineMs),
  });
  return await response.text();
}
