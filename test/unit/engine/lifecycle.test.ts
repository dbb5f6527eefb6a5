import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CortenError, invalidArgument } from '../../../src/base/index.ts';
import type { EngineService } from '../../../src/engine/index.ts';
import { configuration, createWorld, eventually, settle, type World } from './fakes.ts';

const kind = (code: string) => (error: unknown) => error instanceof CortenError && error.code === code;
const never = new AbortController().signal;
const noOptions = { timeoutSeconds: undefined, signal: undefined } as const;
const removeOptions = { force: false, volumes: false, link: false } as const;

describe('life of a container', () => {
  let world: World;
  let engine: EngineService;
  const status = (id: string): string => engine.containers.resolve(id).state.status;

  beforeEach(async () => {
    world = createWorld();
    engine = await world.boot();
  });

  afterEach(() => world.close());

  async function startOne(changes: Parameters<typeof configuration>[0] = {}): Promise<string> {
    const { id } = await engine.containers.create(undefined, configuration(changes));
    await engine.containers.start(id);
    return id;
  }

  it('is created, started, waited for and removed', async () => {
    const { id, warnings } = await engine.containers.create('web', configuration({ labels: { mine: 'yes' } }));
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.deepEqual(warnings, []);
    const created = engine.containers.resolve('/web');
    assert.equal(created.state.status, 'created');
    assert.deepEqual(created.effective.labels, { origin: 'image', mine: 'yes' });
    assert.equal(created.effective.hostname, id.slice(0, 12));

    const { exited } = engine.containers.wait('web', 'next-exit', never);
    await engine.containers.start(id.slice(0, 8));
    const running = engine.containers.resolve(id);
    assert.equal(running.state.status, 'running');
    assert.equal(running.endpoint?.address, '172.17.0.2');
    await assert.rejects(engine.containers.start('web'), kind('already-started'));
    await assert.rejects(engine.containers.remove('web', removeOptions), /container is running: stop the container/);

    world.kernel.process(id).end(3);
    assert.equal((await exited).exitCode, 3);
    assert.equal(status(id), 'exited');
    await engine.containers.remove('web', removeOptions);
    assert.throws(() => engine.containers.resolve('web'), /No such container: web/);
    assert.deepEqual(world.events, ['create', 'start', 'die 3', 'destroy']);
    await settle();
    assert.equal(world.kernel.networks.size + world.kernel.layers.size + world.kernel.processes.size, 0);
  });

  it('stops by signal, and by SIGKILL when that has no effect', async () => {
    const polite = await startOne();
    await engine.containers.stop(polite, noOptions);
    assert.deepEqual(world.events.slice(2), ['kill 15', 'die 143', 'stop']);
    await assert.rejects(engine.containers.stop(polite, noOptions), kind('already-stopped'));

    world.kernel.onLaunch = (process) => {
      process.ignoresTerm = true;
    };
    const stubborn = await startOne();
    const stopped = engine.containers.stop(stubborn, { timeoutSeconds: 7, signal: undefined });
    await eventually(() => world.clock.pending().includes(7000), 'the timer of stop');
    world.clock.advance(7000);
    await stopped;
    assert.deepEqual(world.events.slice(-4), ['kill 15', 'kill 9', 'die 137', 'stop']);
    assert.equal(engine.containers.resolve(stubborn).state.exitCode, 137);
  });

  it('can be killed while somebody waits for a stop without limit', async () => {
    world.kernel.onLaunch = (process) => {
      process.ignoresTerm = true;
    };
    const id = await startOne();
    const stopped = engine.containers.stop(id, { timeoutSeconds: -1, signal: undefined });
    await eventually(() => world.events.includes('kill 15'), 'the stop signal');
    await engine.containers.kill(id, 'SIGKILL');
    await stopped;
    assert.equal(status(id), 'exited');
  });

  it('pauses; a stop of a paused container takes effect', async () => {
    const id = await startOne();
    await engine.containers.pause(id);
    assert.equal(status(id), 'paused');
    await assert.rejects(engine.containers.pause(id), /already paused/);
    await assert.rejects(engine.containers.start(id), /cannot start a paused container, try unpause instead/);
    await engine.containers.unpause(id);
    await assert.rejects(engine.containers.unpause(id), /is not paused/);
    await engine.containers.pause(id);
    await engine.containers.stop(id, noOptions);
    assert.equal(status(id), 'exited');
  });

  it('removes a running container only by force, whatever it was doing', async () => {
    const id = await startOne({ host: { networkMode: 'none' } });
    await engine.containers.pause(id);
    await assert.rejects(engine.containers.remove(id, removeOptions), /is paused and must be unpaused first/);
    const removed = engine.containers.wait(id, 'removed', never).exited;
    await engine.containers.remove(id, { ...removeOptions, force: true });
    assert.equal((await removed).exitCode, 137);
    assert.deepEqual(engine.containers.list(), []);
  });

  it('with autoRemove goes when it ends, its anonymous volumes too', async () => {
    const id = await startOne({ volumes: ['/data'], host: { autoRemove: true, binds: ['kept:/kept'] } });
    assert.equal(world.kernel.volumes.size, 2);
    const removed = engine.containers.wait(id, 'removed', never).exited;
    world.kernel.process(id).end(0);
    assert.equal((await removed).exitCode, 0);
    assert.deepEqual([...world.kernel.volumes.keys()], ['kept']);
    assert.deepEqual(world.events, ['create', 'start', 'die 0', 'destroy']);
    await eventually(() => world.kernel.layers.size === 0, 'the layer to go');
  });

  it('with autoRemove survives a restart', async () => {
    const id = await startOne({ host: { autoRemove: true } });
    await engine.containers.restart(id, noOptions);
    assert.equal(status(id), 'running');
    assert.deepEqual(world.events, ['create', 'start', 'kill 15', 'die 143', 'stop', 'start', 'restart']);
  });

  it('keeps the reason when the command is not found', async () => {
    world.kernel.launchError = invalidArgument('command-not-found', 'exec: "nope": executable file not found in $PATH');
    const { id } = await engine.containers.create(undefined, configuration({ command: ['nope'] }));
    await assert.rejects(
      engine.containers.start(id),
      /^CortenError: failed to create task for container: exec: "nope": executable file not found in \$PATH$/,
    );
    const { state } = engine.containers.resolve(id);
    assert.equal(state.status, 'created');
    assert.equal(state.exitCode, 127);
    assert.match(state.error, /executable file not found/);
    assert.equal(world.kernel.networks.size, 0);
    world.kernel.launchError = undefined;
    await engine.containers.start(id);
    assert.equal(engine.containers.resolve(id).state.error, '');
  });

  it('with autoRemove is removed when it cannot start', async () => {
    world.kernel.launchError = invalidArgument('command-not-executable', 'exec: "/etc": permission denied');
    const { id } = await engine.containers.create(undefined, configuration({ host: { autoRemove: true } }));
    const removed = engine.containers.wait(id, 'removed', never).exited;
    await assert.rejects(engine.containers.start(id), /permission denied/);
    assert.equal((await removed).exitCode, 126);
    assert.deepEqual(engine.containers.list(), []);
  });

  it('gives a port conflict back as it came and stays startable', async () => {
    const portBindings = [{ containerPort: 80, protocol: 'tcp', hostAddress: '', hostPort: '81' }] as const;
    const { id } = await engine.containers.create(undefined, configuration({ host: { portBindings } }));
    await assert.rejects(engine.containers.start(id), /port is already allocated/);
    assert.equal(status(id), 'created');
  });

  it('is renamed; the old name is free again', async () => {
    const { id } = await engine.containers.create('before', configuration());
    await engine.containers.create('taken', configuration());
    await assert.rejects(
      engine.containers.rename(id, 'taken'),
      /Conflict\. The container name "\/taken" is already in use/,
    );
    await assert.rejects(engine.containers.rename(id, 'before'), /same name as its current name/);
    await engine.containers.rename(id, '/after');
    assert.equal(engine.containers.resolve('after').id, id);
    await engine.containers.create('before', configuration());
  });

  it('updates limits and restart policy', async () => {
    const id = await startOne();
    const policy = { name: 'always', maximumRetryCount: 0 } as const;
    await engine.containers.update(id, {
      resources: { memoryBytes: 64e6 },
      restartPolicy: policy,
      nanoCpus: undefined,
    });
    const { host } = engine.containers.resolve(id).configuration;
    assert.equal(host.resources.memoryBytes, 64e6);
    assert.deepEqual(host.restartPolicy, policy);
    await assert.rejects(
      engine.containers.update(id, { resources: { memoryBytes: 1e6 }, restartPolicy: undefined, nanoCpus: undefined }),
      /Minimum memory limit allowed is 6MB/,
    );
  });

  it('joins the network of another running container, and its files', async () => {
    const first = await startOne();
    const second = await startOne({ host: { networkMode: `container:${first}` } });
    const { files } = engine.containers.resolve(second);
    assert.equal(files.hosts, engine.containers.resolve(first).files.hosts);
    assert.equal(world.kernel.process(second).request.networkNamespace, undefined);
    await engine.containers.stop(first, noOptions);
    await engine.containers.stop(second, noOptions);
    await assert.rejects(engine.containers.start(second), kind('joined-container-not-running'));
  });

  it('hands clients that attached before to the launch', async () => {
    const { id } = await engine.containers.create(undefined, configuration({ openStdin: true }));
    const streams = { stdin: true, stdout: true, stderr: false, logs: false, stream: true };
    const attachment = await engine.containers.attach(id, streams);
    await engine.containers.start(id);
    const [client] = world.kernel.process(id).request.attachments ?? [];
    assert.deepEqual({ ...client, descriptor: 0 }, { stdin: true, stdout: true, stderr: false, descriptor: 0 });
    attachment.close();
  });

  it('prunes what has ended and matches', async () => {
    const keep = await startOne();
    await engine.containers.create('one', configuration());
    await engine.containers.create('two', configuration());
    const { removed, spaceReclaimed } = await engine.containers.prune(({ name }) => name !== 'two');
    assert.equal(removed.length, 1);
    assert.equal(spaceReclaimed, 10);
    assert.deepEqual(new Set(engine.containers.list().map(({ name }) => name)).has('two'), true);
    assert.equal(status(keep), 'running');
  });
});

describe('restart policies', () => {
  let world: World;
  let engine: EngineService;

  beforeEach(async () => {
    world = createWorld();
    engine = await world.boot();
  });

  afterEach(() => world.close());

  it('restart with growing pauses, up to the limit of on-failure', async () => {
    const restartPolicy = { name: 'on-failure', maximumRetryCount: 2 } as const;
    const { id } = await engine.containers.create(undefined, configuration({ host: { restartPolicy } }));
    await engine.containers.start(id);
    for (const delay of [100, 200]) {
      world.kernel.process(id).end(1);
      await eventually(() => world.clock.pending().includes(delay), `a pause of ${delay} ms`);
      assert.equal(engine.containers.resolve(id).state.status, 'restarting');
      world.clock.advance(delay);
      await eventually(() => engine.containers.resolve(id).state.status === 'running', 'the restart');
    }
    world.kernel.process(id).end(1);
    await eventually(() => engine.containers.resolve(id).state.status === 'exited', 'the end');
    assert.equal(engine.containers.resolve(id).state.restartCount, 2);
  });

  it('respect a stop, also during the pause', async () => {
    const restartPolicy = { name: 'always', maximumRetryCount: 0 } as const;
    const { id } = await engine.containers.create(undefined, configuration({ host: { restartPolicy } }));
    await engine.containers.start(id);
    world.kernel.process(id).end(0);
    await eventually(() => world.clock.pending().includes(100), 'the pause');
    await engine.containers.stop(id, noOptions);
    assert.deepEqual(world.clock.pending(), []);
    assert.equal(engine.containers.resolve(id).state.status, 'exited');
    await engine.containers.start(id);
    await engine.containers.stop(id, noOptions);
    assert.equal(engine.containers.resolve(id).state.status, 'exited');
  });

  it('decide what the daemon starts', async () => {
    const policies = ['no', 'always', 'unless-stopped', 'on-failure'] as const;
    for (const name of policies) {
      for (const how of ['stopped', 'failed']) {
        const host = { restartPolicy: { name, maximumRetryCount: 0 } };
        const { id } = await engine.containers.create(`${name}-${how}`, configuration({ host }));
        await engine.containers.start(id);
        if (how === 'stopped') await engine.containers.stop(id, noOptions);
      }
    }
    // The daemon is away while the others fail.
    await engine.stop();
    for (const process of world.kernel.processes.values()) process.end(1);
    engine = await world.boot();
    const wanted = ['always-failed', 'always-stopped', 'on-failure-failed', 'unless-stopped-failed'];
    const running = (): string[] =>
      engine.containers
        .list()
        .filter(({ state }) => state.status === 'running')
        .map(({ name }) => name)
        .sort();
    world.clock.advance(0);
    await eventually(() => running().length >= wanted.length, 'the starts');
    await settle();
    assert.deepEqual(running(), wanted);
  });
});
