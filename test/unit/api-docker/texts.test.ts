import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDockerApi } from '../../../src/api/docker/index.ts';
import { durationText } from '../../../src/api/docker/encode/duration-text.ts';
import { bytesText, progressMessage } from '../../../src/api/docker/encode/progress.ts';
import { statusText } from '../../../src/api/docker/encode/status-text.ts';
import { answerOfError } from '../../../src/api/docker/errors.ts';
import { DetachKeys, parseDetachKeys } from '../../../src/api/docker/transport/detach-keys.ts';
import { Unframe } from '../../../src/api/docker/transport/websocket.ts';
import { CortenError, errorKinds, silentLog } from '../../../src/base/index.ts';
import { container, fakeEngine, frame } from './fake-engine.ts';

describe('texts as docker writes them', () => {
  const durations: readonly (readonly [number, string])[] = [
    [0, 'Less than a second'],
    [1.2, '1 second'],
    [59, '59 seconds'],
    [61, 'About a minute'],
    [60 * 59, '59 minutes'],
    [3600, 'About an hour'],
    [3600 * 2, '2 hours'],
    [3600 * 47, '47 hours'],
    [3600 * 24 * 2, '2 days'],
    [3600 * 24 * 15, '2 weeks'],
    [3600 * 24 * 90, '3 months'],
    [3600 * 24 * 365 * 3, '3 years'],
  ];
  for (const [seconds, text] of durations) {
    it(`${seconds} s is "${text}"`, () => assert.equal(durationText(seconds * 1000), text));
  }

  it('states', () => {
    const { state } = container();
    const ago = new Date(Date.now() - 3_500).toISOString();
    const { health: _, ...plain } = { ...state, startedAt: ago, finishedAt: ago };
    const with_ = (changes: object): string => statusText({ ...plain, health: undefined, ...changes });
    assert.equal(with_({}), 'Up 3 seconds');
    assert.equal(
      with_({ health: { status: 'starting', failingStreak: 0, log: [] } }),
      'Up 3 seconds (health: starting)',
    );
    assert.equal(with_({ health: { status: 'unhealthy', failingStreak: 3, log: [] } }), 'Up 3 seconds (unhealthy)');
    assert.equal(with_({ status: 'paused' }), 'Up 3 seconds (Paused)');
    assert.equal(with_({ status: 'exited', exitCode: 7 }), 'Exited (7) 3 seconds ago');
    assert.equal(with_({ status: 'restarting', exitCode: 1 }), 'Restarting (1) 3 seconds ago');
    assert.equal(with_({ status: 'created' }), 'Created');
    assert.equal(with_({ status: 'dead' }), 'Dead');
    assert.equal(with_({ status: 'removing' }), 'Removal In Progress');
  });

  it('sizes and progress', () => {
    assert.equal(bytesText(999), '999B');
    assert.equal(bytesText(1_234_567), '1.235MB');
    assert.deepEqual(progressMessage({ status: 'x' }), { status: 'x' });
    assert.deepEqual(progressMessage({ status: 'x', id: 'l', current: 7 }), {
      status: 'x',
      id: 'l',
      progressDetail: { current: 7 },
      progress: '7B',
    });
    const full = progressMessage({ status: 'x', current: 4, total: 4 }) as { progress: string };
    assert.equal(full.progress, `[${'='.repeat(50)}]  4B/4B`);
  });
});

describe('errors', () => {
  it('every kind has a status', () => {
    const expected: Readonly<Record<string, number>> = {
      'not-found': 404,
      conflict: 409,
      'invalid-argument': 400,
      forbidden: 403,
      unauthenticated: 401,
      'not-modified': 304,
      'not-implemented': 501,
      unavailable: 503,
    };
    for (const kind of errorKinds) {
      const answer = answerOfError(new CortenError(kind, 'why', { code: 'some-code', hint: 'do that' }));
      assert.deepEqual(answer, { status: expected[kind] ?? 500, message: 'why (do that)', code: 'some-code' });
    }
  });

  it('anything else is a failure of ours, with its causes', () => {
    const error = new Error('outer', { cause: new Error('inner') });
    assert.deepEqual(answerOfError(error), { status: 500, message: 'outer: inner', code: 'internal' });
    assert.equal(answerOfError('text').status, 500);
  });
});

describe('detach keys', () => {
  const run = (keys: string, ...chunks: readonly string[]): { output: string; detached: boolean } => {
    let detached = false;
    const filter = new DetachKeys(parseDetachKeys(keys), () => {
      detached = true;
    });
    const output: Buffer[] = [];
    filter.on('data', (data: Buffer) => output.push(data));
    for (const chunk of chunks) filter.write(chunk);
    filter.end();
    let last: unknown = filter.read();
    while (Buffer.isBuffer(last)) {
      output.push(last);
      last = filter.read();
    }
    return { output: Buffer.concat(output).toString(), detached };
  };

  it('are parsed as docker does', () => {
    assert.deepEqual([...parseDetachKeys('')], [16, 17]);
    assert.deepEqual([...parseDetachKeys('a,ctrl-@,ctrl-],ctrl-_')], [97, 0, 29, 31]);
    for (const bad of ['ctrl-A', 'ab', 'ctrl-', ','])
      assert.throws(() => parseDetachKeys(bad), /Invalid detach keys/, bad);
  });

  const cases: readonly (readonly [string, readonly string[], string, boolean])[] = [
    ['ctrl-p,ctrl-q', ['plain'], 'plain', false],
    ['ctrl-p,ctrl-q', ['a\x10\x11b'], 'a', true],
    ['ctrl-p,ctrl-q', ['a\x10', '\x11b'], 'a', true],
    ['ctrl-p,ctrl-q', ['a\x10', 'b'], 'a\x10b', false],
    ['ctrl-p,ctrl-q', ['\x10\x10\x11'], '\x10', true],
    ['ctrl-p,ctrl-q', ['a\x10'], 'a\x10', false],
    ['x,y,z', ['xyxyz'], 'xy', true],
    ['x', ['abxcd'], 'ab', true],
  ];
  for (const [keys, chunks, output, detached] of cases) {
    it(`${keys} in ${JSON.stringify(chunks)}`, async () => {
      const result = run(keys, ...chunks);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(result.detached, detached);
      assert.equal(result.output, output);
    });
  }
});

describe('frames', () => {
  it('come off wherever the chunks are cut', async () => {
    const framed = Buffer.concat([
      frame(1, Buffer.from('hello ')),
      frame(2, Buffer.alloc(0)),
      frame(2, Buffer.from('world')),
    ]);
    for (let size = 1; size <= framed.length; size += 1) {
      const bare = new Unframe();
      for (let at = 0; at < framed.length; at += size) bare.write(framed.subarray(at, at + size));
      bare.end();
      const chunks: Buffer[] = [];
      for await (const chunk of bare) chunks.push(chunk as Buffer);
      assert.equal(Buffer.concat(chunks).toString(), 'hello world', `chunks of ${size}`);
    }
  });
});

describe('listening', () => {
  const api = createDockerApi({
    engine: fakeEngine(),
    log: silentLog,
    product: { version: '0.1.0', gitCommit: '', buildTime: '' },
    debug: () => false,
  });

  it('at a port, which is free again afterwards', async () => {
    const listener = await api.listen({ kind: 'tcp', host: '127.0.0.1', port: 0, tls: undefined });
    assert.match(listener.address, /^tcp:\/\/127\.0\.0\.1:\d+$/);
    const url = listener.address.replace('tcp:', 'http:');
    assert.equal(await (await fetch(`${url}/_ping`)).text(), 'OK');
    await listener.close();
    await listener.close();
    await assert.rejects(fetch(`${url}/_ping`));
  });

  it('an address that cannot be had is an error in words', async () => {
    await assert.rejects(
      api.listen({ kind: 'unix', path: '/nonexistent/directory/socket' }),
      (error: unknown) =>
        error instanceof CortenError && error.code === 'listen-failed' && error.message.includes('/nonexistent'),
    );
  });
});
