import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Case, type Client, suite } from '../suite.ts';

/** The part of dockerode that the cases use; the package ships no types of its own. */
interface Stream extends Readable {
  write(data: string): boolean;
  end(): void;
}
interface DockerodeExec {
  start(options: object): Promise<Stream>;
  inspect(): Promise<{ readonly ExitCode: number; readonly Running: boolean }>;
}
interface DockerodeContainer {
  readonly id: string;
  start(): Promise<void>;
  stop(options?: object): Promise<void>;
  kill(): Promise<void>;
  wait(options?: object): Promise<{ readonly StatusCode: number }>;
  remove(options?: object): Promise<void>;
  attach(options: object): Promise<Stream>;
  logs(options: object): Promise<Buffer>;
  exec(options: object): Promise<DockerodeExec>;
  inspect(): Promise<{ readonly State: { readonly Status: string; readonly ExitCode: number }; readonly Name: string }>;
  stats(options: object): Promise<{
    readonly memory_stats: { readonly usage: number };
    readonly cpu_stats: object;
    readonly pids_stats: { readonly current: number };
  }>;
  top(): Promise<{ readonly Titles: readonly string[]; readonly Processes: readonly (readonly string[])[] }>;
  rename(options: object): Promise<void>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  update(options: object): Promise<object>;
  changes(): Promise<readonly { readonly Path: string; readonly Kind: number }[] | null>;
}
interface Dockerode {
  readonly modem: { demuxStream(stream: Readable, out: PassThrough, err: PassThrough): void };
  ping(): Promise<Buffer>;
  version(): Promise<{ readonly ApiVersion: string }>;
  info(): Promise<{ readonly Containers: number }>;
  createContainer(options: object): Promise<DockerodeContainer>;
  getContainer(id: string): DockerodeContainer;
  listContainers(
    options: object,
  ): Promise<readonly { readonly Id: string; readonly Names: readonly string[]; readonly State: string }[]>;
  listImages(): Promise<readonly { readonly RepoTags: readonly string[] }[]>;
  getImage(name: string): {
    inspect(): Promise<{ readonly Id: string }>;
    tag(options: object): Promise<void>;
    remove(): Promise<readonly object[]>;
    history(): Promise<readonly object[]>;
  };
  getEvents(options: object): Promise<Readable>;
  run(
    image: string,
    command: readonly string[],
    stream: PassThrough,
    options: object,
  ): Promise<readonly [{ readonly StatusCode: number }, DockerodeContainer]>;
  createVolume(options: object): Promise<{ readonly name?: string; readonly Name?: string; remove(): Promise<void> }>;
  listVolumes(): Promise<{ readonly Volumes: readonly { readonly Name: string }[] }>;
  df(): Promise<{ readonly Images: readonly object[] }>;
}
type DockerodeConstructor = new (options: { readonly socketPath: string }) => Dockerode;

const load = createRequire(import.meta.url);

function connect(client: Client): Dockerode {
  const constructor = load('dockerode') as DockerodeConstructor;
  return new constructor({ socketPath: client.daemon.socket });
}

const statusOf = (error: unknown): number =>
  typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 0;

async function refuses(status: number, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.equal(statusOf(error), status, String(error));
    return true;
  });
}

const one = (name: string, work: (docker: Dockerode) => Promise<void>): Case => ({
  name,
  run: async (client) => await work(connect(client)),
});

const cases: readonly Case[] = [
  one('ping, version, info', async (docker) => {
    assert.equal((await docker.ping()).toString(), 'OK');
    assert.match((await docker.version()).ApiVersion, /^1\.\d+$/);
    assert.equal((await docker.info()).Containers, 0);
  }),
  one('create, start, wait, inspect, remove', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'exit 7'], name: 'c1' });
    await container.start();
    assert.equal((await container.wait()).StatusCode, 7);
    const { State, Name } = await container.inspect();
    assert.deepEqual([State.Status, State.ExitCode, Name], ['exited', 7, '/c1']);
    await container.remove();
    await refuses(404, container.inspect());
  }),
  one('attach before start separates the streams', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'echo out; echo err >&2'] });
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    const out = new PassThrough();
    const err = new PassThrough();
    docker.modem.demuxStream(stream, out, err);
    stream.once('end', () => {
      out.end();
      err.end();
    });
    await container.start();
    assert.deepEqual(await Promise.all([text(out), text(err)]), ['out\n', 'err\n']);
  }),
  one('attach with standard input, hijacked', async (docker) => {
    const container = await docker.createContainer({
      Image: 'busybox',
      Cmd: ['cat'],
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
    });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const out = new PassThrough();
    docker.modem.demuxStream(stream, out, out);
    stream.once('end', () => out.end());
    await container.start();
    stream.write('through cat\n');
    stream.end();
    assert.equal(await text(out), 'through cat\n');
    assert.equal((await container.wait()).StatusCode, 0);
  }),
  one('a terminal is raw', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['echo', 'x'], Tty: true });
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    await container.start();
    assert.equal(await text(stream), 'x\r\n');
  }),
  one('run', async (docker) => {
    const out = new PassThrough();
    const collected = text(out);
    const [result, container] = await docker.run('busybox', ['echo', 'hello'], out, { Tty: true });
    assert.equal(result.StatusCode, 0);
    out.end();
    assert.equal(await collected, 'hello\r\n');
    await container.remove();
  }),
  one('exec with hijack, and its exit code', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'] });
    await container.start();
    const exec = await container.exec({
      Cmd: ['sh', '-c', 'cat; exit 5'],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: true, stdin: true });
    const out = new PassThrough();
    docker.modem.demuxStream(stream, out, out);
    stream.once('end', () => out.end());
    stream.write('in\n');
    stream.end();
    assert.equal(await text(out), 'in\n');
    assert.equal((await exec.inspect()).ExitCode, 5);
  }),
  one('exec without hijack', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'] });
    await container.start();
    const exec = await container.exec({ Cmd: ['echo', 'x'], AttachStdout: true });
    const out = new PassThrough();
    const stream = await exec.start({});
    docker.modem.demuxStream(stream, out, out);
    stream.once('end', () => out.end());
    assert.equal(await text(out), 'x\n');
  }),
  one('logs', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['seq', '3'] });
    await container.start();
    await container.wait();
    const logs = await container.logs({ stdout: true, stderr: true, tail: 2 });
    assert.deepEqual(logs, Buffer.from('\x01\0\0\0\0\0\0\x022\n\x01\0\0\0\0\0\0\x023\n', 'latin1'));
  }),
  one('list with filters', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Labels: { a: 'b' }, name: 'labelled' });
    const found = await docker.listContainers({ all: true, filters: { label: ['a=b'] } });
    assert.deepEqual(
      found.map((row) => [row.Id, row.Names, row.State]),
      [[container.id, ['/labelled'], 'created']],
    );
    assert.deepEqual(await docker.listContainers({ all: true, filters: { label: ['a=c'] } }), []);
  }),
  one('stats once', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'] });
    await container.start();
    const stats = await container.stats({ stream: false });
    assert.ok(stats.memory_stats.usage > 0);
    assert.equal(stats.pids_stats.current, 1);
  }),
  one('top, pause, unpause, rename, update', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'] });
    await container.start();
    const top = await container.top();
    assert.equal(top.Processes[0]?.at(top.Titles.indexOf('CMD')), 'sleep 1000');
    await container.pause();
    assert.equal((await container.inspect()).State.Status, 'paused');
    await container.unpause();
    await container.rename({ name: 'renamed' });
    assert.equal((await container.inspect()).Name, '/renamed');
    await container.update({ CpuShares: 512 });
  }),
  one('changes', async (docker) => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['touch', '/new'] });
    await container.start();
    await container.wait();
    assert.deepEqual(await container.changes(), [{ Path: '/new', Kind: 1 }]);
  }),
  one('events', async (docker) => {
    const since = Math.floor(Date.now() / 1000);
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['true'] });
    await container.start();
    await container.wait();
    const stream = await docker.getEvents({
      since,
      until: Math.floor(Date.now() / 1000) + 1,
      filters: { container: [container.id] },
    });
    const actions = (await text(stream))
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly Action: string }).Action);
    assert.deepEqual(actions, ['create', 'start', 'die']);
  }),
  one('images: list, inspect, tag, history, remove', async (docker) => {
    assert.deepEqual((await docker.listImages())[0]?.RepoTags, ['busybox:latest']);
    await docker.getImage('busybox').tag({ repo: 'again', tag: '1' });
    assert.equal((await docker.getImage('again:1').inspect()).Id, (await docker.getImage('busybox').inspect()).Id);
    assert.equal((await docker.getImage('busybox').history()).length, 1);
    assert.deepEqual(await docker.getImage('again:1').remove(), [{ Untagged: 'again:1' }]);
  }),
  one('volumes', async (docker) => {
    const volume = await docker.createVolume({ Name: 'made' });
    assert.equal(
      (await docker.listVolumes()).Volumes.some((row) => row.Name === 'made'),
      true,
    );
    await volume.remove();
    assert.equal((await docker.df()).Images.length, 1);
  }),
  one('status codes of mistakes', async (docker) => {
    await refuses(404, docker.createContainer({ Image: 'ghost' }));
    await refuses(404, docker.getContainer('ghost').start());
    await refuses(404, docker.getImage('ghost').inspect());
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'] });
    await container.start();
    await refuses(304, container.start());
    await refuses(409, container.remove());
    await container.kill();
    await container.wait();
    await refuses(409, container.kill());
    await refuses(304, container.stop());
  }),
];

suite('dockerode', cases);
