import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CortenError } from '../../../src/base/index.ts';
import type { EngineService, Failpoint } from '../../../src/engine/index.ts';
import { configuration, createWorld, eventually, settle, type World } from './fakes.ts';

const noOptions = { timeoutSeconds: 1, signal: undefined } as const;

/** Stops the world at the n-th step: the engine never gets further, as after kill -9. */
function dieAtStep(number: number): { readonly failpoint: Failpoint; readonly died: Promise<string> } {
  const died = Promise.withResolvers<string>();
  let passed = 0;
  return {
    died: died.promise,
    async failpoint(step) {
      passed += 1;
      if (passed < number) return;
      died.resolve(step);
      await new Promise(() => undefined);
    },
  };
}

/** A run through everything that has steps. Ends early, and for ever, at the step where the engine dies. */
async function mixedWork(engine: EngineService): Promise<void> {
  const { containers } = engine;
  const { id } = await containers.create('first', configuration({ volumes: ['/data'] }));
  await containers.start(id);
  await containers.pause(id);
  await containers.unpause(id);
  await containers.update(id, { resources: { memoryBytes: 64e6 }, restartPolicy: undefined, nanoCpus: undefined });
  await containers.create('second', configuration({ host: { autoRemove: true } }));
  await containers.start('second');
  await containers.stop('first', noOptions);
  await containers.start('first');
  await containers.remove('first', { force: true, volumes: true, link: false });
  await containers.kill('second', 'KILL');
}

/** Rows and kernel agree: nothing without an owner, nothing missing. */
function assertConsistent(world: World, engine: EngineService, when: string): void {
  const containers = engine.containers.list();
  const ids = new Set(containers.map(({ id }) => id));
  const running = containers.filter(({ state }) => state.pid > 0).map(({ id }) => id);
  assert.deepEqual([...world.kernel.processes.keys()].sort(), running.sort(), `processes ${when}`);
  assert.deepEqual([...world.kernel.networks.keys()].sort(), running.sort(), `networks ${when}`);
  assert.deepEqual([...world.kernel.layers.keys()].sort(), [...ids].sort(), `layers ${when}`);
  const directory = join(world.directory, 'data/containers');
  const directories = existsSync(directory) ? readdirSync(directory) : [];
  assert.deepEqual(directories.sort(), [...ids].sort(), `directories ${when}`);
  for (const { id, state } of containers) {
    assert.ok(['created', 'running', 'paused', 'exited'].includes(state.status), `${state.status} ${when}`);
    const { frozen } = world.kernel.processes.get(id) ?? { frozen: false };
    assert.equal(frozen, state.status === 'paused', `the freezer ${when}`);
  }
  for (const { name } of world.kernel.volumes.values()) {
    const used = containers.some(({ mounts }) => mounts.some((mount) => mount.name === name));
    assert.ok(used, `volume ${name} ${when}`);
  }
}

describe('a daemon killed', () => {
  it('between any two steps of mixed work leaves nothing behind and loses nothing', async () => {
    let steps = 0;
    for (let number = 1; ; number += 1) {
      const world = createWorld();
      const { failpoint, died } = dieAtStep(number);
      const engine = await world.boot(failpoint);
      const step = await Promise.race([died, mixedWork(engine).then(() => undefined)]);
      await settle();
      const again = await world.boot();
      const when = step === undefined ? 'at the end' : `after a crash at step ${number}, ${step}`;
      await eventually(() => again.containers.list().every(({ state }) => state.status !== 'removing'), when);
      await settle();
      assertConsistent(world, again, when);
      await world.close();
      if (step === undefined) break;
      steps = number;
    }
    assert.ok(steps >= 20, `only ${steps} steps were tried`);
  });

  it('takes up what runs, records what ended meanwhile, and carries out what that means', async () => {
    const world = createWorld();
    let engine = await world.boot();
    const ids: Record<string, string> = {};
    for (const name of ['stays', 'paused', 'ends', 'gone', 'removed']) {
      const host = name === 'removed' ? { autoRemove: true } : {};
      ids[name] = (await engine.containers.create(name, configuration({ host }))).id;
      await engine.containers.start(name);
    }
    await engine.containers.pause('paused');
    await engine.stop();
    world.events.length = 0;
    world.kernel.process(ids['ends'] ?? '').end(7, { oomKilled: true });
    world.kernel.process(ids['removed'] ?? '').end(0);
    world.kernel.processes.delete(ids['gone'] ?? '');

    engine = await world.boot();
    await settle();
    const states = Object.fromEntries(
      engine.containers.list().map(({ name, state }) => [name, `${state.status} ${state.exitCode}`]),
    );
    assert.deepEqual(states, { stays: 'running 0', paused: 'paused 0', ends: 'exited 7', gone: 'exited 255' });
    assert.equal(engine.containers.resolve('ends').state.oomKilled, true);
    assert.deepEqual(world.events.toSorted(), ['destroy', 'die 0', 'die 255', 'die 7', 'oom']);
    await engine.containers.unpause('paused');
    await engine.containers.stop('stays', noOptions);
    assert.equal(engine.containers.resolve('stays').state.status, 'exited');
    await world.close();
  });

  it('finds a damaged row: an error for that container only', async () => {
    const world = createWorld();
    let engine = await world.boot();
    const { id } = await engine.containers.create('bad', configuration());
    await engine.containers.create('good', configuration());
    await engine.stop();
    world.database.prepare('UPDATE container SET state = \'{"status":12\' WHERE id = ?').run(id);
    engine = await world.boot();
    assert.deepEqual(
      engine.containers.list().map(({ name }) => name),
      ['good'],
    );
    await engine.containers.start('good');
    const damaged = (error: unknown): boolean => error instanceof CortenError && error.kind === 'data-loss';
    assert.throws(() => engine.containers.resolve('bad'), damaged);
    await assert.rejects(engine.containers.create('bad', configuration()), /already in use/);
    const options = { force: false, volumes: false, link: false };
    await assert.rejects(engine.containers.remove('bad', options), damaged);
    await engine.containers.remove('bad', { ...options, force: true });
    await engine.containers.create('bad', configuration());
    assert.equal(world.kernel.layers.has(id), false);
    await world.close();
  });
});
