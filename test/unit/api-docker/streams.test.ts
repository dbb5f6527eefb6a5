import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { Conversation, startTestApi, type TestApi } from './client.ts';
import { configuration, container, containerId, frame, otherId } from './fake-engine.ts';

const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
const multiplexed = 'application/vnd.docker.multiplexed-stream';
const rawStream = 'application/vnd.docker.raw-stream';

function post(path: string, headers: string, body?: string): string {
  const length =
    body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return `POST ${path} HTTP/1.1\r\nHost: docker\r\n${headers}${length}\r\n${body ?? ''}`;
}

/** Waits until the engine or the API did something that no answer tells. */
async function eventually(done: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!done()) {
    if (Date.now() > deadline) throw new Error('did not happen within 20 s');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('streams', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
    api.engine.addContainer(
      container({ id: otherId, name: 'term', configuration: configuration({ tty: true, openStdin: true }) }),
    );
  });
  after(async () => await api.close());

  const execId = async (body: object): Promise<string> => {
    const answer = await api.request('POST', '/containers/web/exec', { body: { Cmd: ['cat'], ...body } });
    return (answer.json() as { Id: string }).Id;
  };

  it('attach with Upgrade: 101, frames as the engine has them, half-close ends the input', async () => {
    const socket = await api.open(post('/v1.51/containers/web/attach?stream=1&stdin=1&stdout=1&stderr=1', upgrade));
    const conversation = new Conversation(socket);
    await conversation.contains('hello\n');
    const [head = '', ...rest] = conversation.received.toString('latin1').split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 101 UPGRADED\r\n/);
    assert.match(head, new RegExp(`Content-Type: ${multiplexed}`));
    assert.match(head, /Upgrade: tcp/);
    assert.equal(rest.join('\r\n\r\n'), frame(1, Buffer.from('hello\n')).toString('latin1'));
    socket.write('abc');
    await conversation.contains('abc');
    socket.end();
    await conversation.ended();
    assert.ok(conversation.received.includes(frame(2, Buffer.from('bye\n'))));
    assert.deepEqual(api.engine.lastCall('attach')?.[1], {
      stdin: true,
      stdout: true,
      stderr: true,
      logs: false,
      stream: true,
    });
  });

  it('before 1.42, and for a terminal, the type is the raw one', async () => {
    for (const path of [
      '/v1.41/containers/web/attach?stream=1&stdout=1',
      '/containers/term/attach?stream=1&stdout=1',
    ]) {
      const socket = await api.open(post(path, upgrade));
      const conversation = new Conversation(socket);
      await conversation.contains('hello\n');
      assert.ok(conversation.received.includes(`Content-Type: ${rawStream}`), path);
      socket.destroy();
    }
  });

  it('attach without Upgrade: 200 and the bare connection, input included', async () => {
    const socket = await api.open(post('/containers/web/attach?stream=1&stdin=1&stdout=1&stderr=1', '', '{}'));
    const conversation = new Conversation(socket);
    await conversation.contains('hello\n');
    assert.match(
      conversation.received.toString('latin1'),
      /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/vnd\.docker/,
    );
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await conversation.contains('GET / HTTP/1.1\r\n\r\n');
    socket.end();
    await conversation.contains('bye\n');
    await conversation.ended();
  });

  for (const way of ['in one packet', 'in two packets', 'chunked']) {
    it(`exec start with Upgrade and its body ${way}`, async () => {
      const id = await execId({ AttachStdin: true, AttachStdout: true, AttachStderr: true });
      const body = JSON.stringify({ Detach: false, Tty: false, ConsoleSize: [24, 80] });
      const head = post(`/exec/${id}/start`, upgrade, body);
      const split = head.length - body.length;
      const socket = await api.open(
        way === 'in one packet'
          ? head
          : way === 'in two packets'
            ? head.slice(0, split)
            : post(`/exec/${id}/start`, `${upgrade}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n`),
      );
      if (way === 'in two packets') socket.write(head.slice(split));
      if (way === 'chunked') socket.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
      const conversation = new Conversation(socket);
      await conversation.contains('exec\n');
      assert.deepEqual(api.engine.lastCall('exec-start'), [id, [24, 80]]);
      socket.write('input');
      await conversation.contains('input');
      socket.end();
      await conversation.contains('bye\n');
      await conversation.ended();
    });
  }

  it('exec start without Upgrade', async () => {
    const id = await execId({ AttachStdout: true, AttachStderr: true });
    const socket = await api.open(post(`/exec/${id}/start`, '', '{"Detach":false}'));
    const conversation = new Conversation(socket);
    await conversation.contains('bye\n');
    await conversation.ended();
    assert.match(conversation.received.toString('latin1'), /^HTTP\/1\.1 200 OK\r\n/);
  });

  for (const head of ['', upgrade]) {
    it(`exec start detached ${head === '' ? 'without' : 'with'} Upgrade`, async () => {
      const id = await execId({});
      const socket = await api.open(post(`/exec/${id}/start`, head, '{"Detach":true}'));
      const conversation = new Conversation(socket);
      await conversation.contains('HTTP/1.1 200 OK');
      assert.deepEqual(api.engine.lastCall('exec-start-detached'), [id]);
      socket.destroy();
    });
  }

  it('refusals on an upgraded connection are ordinary answers', async () => {
    const bodies: readonly (readonly [string, string | undefined, string])[] = [
      ['/containers/nope/attach', undefined, '404 '],
      ['/exec/nope/start', '{}', '404 '],
      [`/exec/${await execId({})}/start`, '{"Detach":', '400 '],
      [`/exec/${await execId({})}/start`, '{"Detach":7}', '400 '],
      [`/exec/${await execId({})}/start`, '{"Else":7}', '501 '],
    ];
    for (const [path, body, status] of bodies) {
      const socket = await api.open(post(path, upgrade, body));
      const conversation = new Conversation(socket);
      await conversation.contains('"message"');
      assert.ok(conversation.received.toString().startsWith(`HTTP/1.1 ${status}`), conversation.received.toString());
      await conversation.ended();
      socket.destroy();
    }
  });

  it('an asked-for upgrade elsewhere is an ordinary request', async () => {
    const answer = await api.request('GET', '/version', { headers: { Connection: 'Upgrade', Upgrade: 'h2c' } });
    assert.equal(answer.status, 200);
  });

  it('a client that vanishes is detached', async () => {
    const before = api.engine.closedAttachments();
    const socket = await api.open(post('/containers/web/attach?stream=1&stdout=1&stdin=1', upgrade));
    await new Conversation(socket).contains('hello\n');
    socket.destroy();
    await eventually(() => api.engine.closedAttachments() > before);
  });

  it('detach keys of a terminal detach, and the container never sees them', async () => {
    const socket = await api.open(post('/containers/term/attach?stream=1&stdin=1&stdout=1', upgrade));
    const conversation = new Conversation(socket);
    await conversation.contains('hello\n');
    socket.write('ab\x10c');
    await conversation.contains('ab\x10c');
    const before = api.engine.closedAttachments();
    socket.write('d\x10');
    socket.write('\x11lost');
    await conversation.ended();
    assert.ok(conversation.received.includes('ab\x10cd'));
    assert.ok(!conversation.received.includes('lost'));
    assert.equal(api.engine.closedAttachments(), before + 1);
  });

  it('without a terminal the same bytes are input', async () => {
    const socket = await api.open(post('/containers/web/attach?stream=1&stdin=1&stdout=1', upgrade));
    const conversation = new Conversation(socket);
    await conversation.contains('hello\n');
    socket.write('\x10\x11');
    await conversation.contains('\x10\x11');
    socket.destroy();
  });

  it('ten megabytes go through an exec and back unchanged', async () => {
    const id = await execId({ AttachStdin: true, AttachStdout: true, Tty: true });
    const socket = await api.open(post(`/exec/${id}/start`, upgrade, '{"Tty":true}'));
    const data = Buffer.alloc(10 * 1024 * 1024, 'abcdefgh');
    const conversation = new Conversation(socket);
    await conversation.contains('exec\n');
    socket.end(data);
    await conversation.ended();
    const at = conversation.received.indexOf('exec\n') + 5;
    assert.equal(conversation.received.length - at, data.length);
    assert.ok(conversation.received.subarray(at).equals(data));
  });

  it('a WebSocket carries bare bytes', async () => {
    const socket = new WebSocket(
      `ws+unix://${api.socket}:/v1.51/containers/web/attach/ws?stream=1&stdin=1&stdout=1&stderr=1`,
    );
    const received: Buffer[] = [];
    const closed = new Promise<void>((resolve, reject) => {
      socket.on('close', () => resolve());
      socket.on('error', reject);
    });
    socket.on('message', (data: Buffer) => {
      received.push(data);
      if (Buffer.concat(received).toString() === 'hello\n') socket.send('ping');
      if (Buffer.concat(received).toString() === 'hello\nping') socket.close();
    });
    await closed;
    assert.equal(Buffer.concat(received).toString(), 'hello\nping');
  });

  it('a WebSocket to no container is refused', async () => {
    const socket = new WebSocket(`ws+unix://${api.socket}:/containers/nope/attach/ws`);
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('error', () => undefined);
    });
    assert.equal(status, 404);
  });

  it('wait answers its head at once and its body at the exit', async () => {
    const socket = await api.open(post('/containers/web/wait?condition=next-exit', ''));
    const conversation = new Conversation(socket);
    await conversation.contains('\r\n\r\n');
    assert.match(conversation.received.toString(), /^HTTP\/1\.1 200 OK\r\n/);
    assert.deepEqual(api.engine.lastCall('wait'), ['web', 'next-exit']);
    api.engine.exit(containerId, 3);
    await conversation.contains('{"StatusCode":3}');
    socket.destroy();
  });

  it('a wait ends with its client', async () => {
    const socket = await api.open(post('/containers/web/wait?condition=removed', ''));
    await new Conversation(socket).contains('200 OK');
    socket.destroy();
    await eventually(() => api.engine.lastCall('wait-aborted') !== undefined);
  });

  it('followed logs flush at once and end with their client', async () => {
    const socket = await api.open(
      'GET /containers/web/logs?follow=1&stdout=1&stderr=1&tail=5&since=1.5 HTTP/1.1\r\nHost: x\r\n\r\n',
    );
    const conversation = new Conversation(socket);
    await conversation.contains('line one\n');
    assert.ok(conversation.received.includes(multiplexed));
    assert.deepEqual(api.engine.lastCall('logs')?.[1], {
      stdout: true,
      stderr: true,
      follow: true,
      timestamps: false,
      details: false,
      tail: 5,
      sinceNanoseconds: 1_500_000_000n,
      untilNanoseconds: undefined,
    });
    socket.destroy();
    await eventually(() => api.engine.lastCall('logs-aborted') !== undefined);
  });

  it('events come as lines, filtered, with all digits of their time', async () => {
    const filters = encodeURIComponent(JSON.stringify({ type: { container: true }, event: ['start', 'exec_start'] }));
    const socket = await api.open(`GET /events?filters=${filters} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const conversation = new Conversation(socket);
    await conversation.contains('\r\n\r\n');
    const publish = (type: 'container' | 'image', action: string, timeNanoseconds: bigint): void =>
      api.engine.publishEvent({
        type,
        action,
        actor: { id: containerId, attributes: { image: 'busybox', name: 'web' } },
        timeNanoseconds,
      });
    publish('image', 'tag', 1n);
    publish('container', 'die', 2n);
    publish('container', 'start', 1_767_323_045_123_456_789n);
    publish('container', 'exec_start: sh -c x', 1_767_323_045_123_456_790n);
    await conversation.contains('1767323045123456790');
    const lines = conversation.received
      .toString()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    assert.equal(lines.length, 2);
    assert.ok(lines[0]?.endsWith(',"timeNano":1767323045123456789}'));
    assert.deepEqual(JSON.parse(lines[0] ?? ''), {
      status: 'start',
      id: containerId,
      from: 'busybox',
      Type: 'container',
      Action: 'start',
      Actor: { ID: containerId, Attributes: { image: 'busybox', name: 'web' } },
      scope: 'local',
      time: 1_767_323_045,
      timeNano: Number(1_767_323_045_123_456_789n),
    });
    socket.destroy();
  });

  it('statistics stream sample after sample, the second with the first as its past', async () => {
    const socket = await api.open('GET /containers/web/stats HTTP/1.1\r\nHost: x\r\n\r\n');
    const conversation = new Conversation(socket);
    await conversation.contains('"preread":"0001-01-01T00:00:00Z"');
    await conversation.contains('"preread":"2026-01-02T03:04:05.123456789Z"');
    socket.destroy();
  });

  it('load reports progress as docker draws it, and the images at the end', async () => {
    const answer = await api.request('POST', '/images/load', { raw: 'x'.repeat(5_000_000) });
    const lines = answer.body
      .trim()
      .split('\r\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(lines, [
      {
        status: 'Loading layer',
        id: 'abc',
        progressDetail: { current: 5, total: 10 },
        progress: `[${'='.repeat(25)}>${' '.repeat(24)}]  5B/10B`,
      },
      { stream: 'Loaded image: busybox:latest\n' },
    ]);
    assert.deepEqual(api.engine.lastCall('load'), [5_000_000]);
    const quiet = await api.request('POST', '/images/load?quiet=1', { raw: 'x' });
    assert.deepEqual(JSON.parse(quiet.body), { stream: 'Loaded image: busybox:latest\n' });
  });

  it('a failure after progress is told in the stream', async () => {
    const answer = await api.request('POST', '/images/load', { raw: 'broken' });
    assert.equal(answer.status, 200);
    const last = JSON.parse(answer.body.trim().split('\r\n').at(-1) ?? '') as Record<string, unknown>;
    assert.deepEqual(last, {
      errorDetail: { code: 404, message: 'the archive lacks a layer' },
      error: 'the archive lacks a layer',
      errorCode: 'layer-missing',
    });
  });

  it('import takes the archive, its name, its message and its changes', async () => {
    const path =
      '/images/create?fromSrc=-&repo=a/b&tag=1&message=m&changes=CMD%20x&changes=ENV%20A%3D1&platform=linux/amd64';
    const answer = await api.request('POST', path, { raw: 'tar' });
    assert.match(answer.body, /\{"status":"sha256:c+"\}\r\n$/);
    assert.deepEqual(api.engine.lastCall('import'), [
      3,
      {
        reference: 'a/b:1',
        message: 'm',
        changes: ['CMD x', 'ENV A=1'],
        platform: { os: 'linux', architecture: 'amd64' },
      },
    ]);
  });

  it('archives come as they are', async () => {
    assert.equal((await api.request('GET', '/containers/web/export')).body, 'a tar');
    assert.equal((await api.request('GET', '/images/get?names=busybox&names=busybox:latest')).body, 'a tar');
    assert.deepEqual(api.engine.lastCall('save'), [['busybox', 'busybox:latest']]);
  });
});
