import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Database,
  describeError,
  invalidArgument,
  KeyedMutex,
  nowNanoseconds,
  parseTimestamp,
  startAll,
  timestampFromNanoseconds,
} from '../../../src/base/index.ts';

describe('startAll', () => {
  const service = (name: string, journal: string[], failing: 'start' | 'stop' | 'no' = 'no') => ({
    name,
    async start() {
      if (failing === 'start') throw new Error(`${name} cannot start`);
      journal.push(`start ${name}`);
    },
    async stop() {
      journal.push(`stop ${name}`);
      if (failing === 'stop') throw new Error(`${name} cannot stop`);
    },
  });

  it('stops in reverse order, once', async () => {
    const journal: string[] = [];
    const stop = await startAll([service('a', journal), service('b', journal)]);
    await stop();
    await stop();
    assert.deepEqual(journal, ['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops what had started when one cannot', async () => {
    const journal: string[] = [];
    await assert.rejects(startAll([service('a', journal), service('b', journal, 'start')]), /b cannot start/);
    assert.deepEqual(journal, ['start a', 'stop a']);
  });

  it('goes on stopping after a failure and tells it', async () => {
    const journal: string[] = [];
    const stop = await startAll([service('a', journal), service('b', journal, 'stop')]);
    await assert.rejects(stop(), /b cannot stop/);
    assert.deepEqual(journal.slice(2), ['stop b', 'stop a']);
  });
});

describe('KeyedMutex', () => {
  it('runs one task a key at a time, and keys at once', async () => {
    const mutex = new KeyedMutex();
    const journal: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = mutex.run('a', async () => {
      await gate.promise;
      journal.push('a1');
    });
    const second = mutex.run('a', async () => {
      journal.push('a2');
    });
    await mutex.run('b', async () => {
      journal.push('b');
      gate.resolve();
    });
    await Promise.all([first, second]);
    assert.deepEqual(journal, ['b', 'a1', 'a2']);
  });

  it('goes on after a task that failed', async () => {
    const mutex = new KeyedMutex();
    await assert.rejects(
      mutex.run('a', async () => await Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await mutex.run('a', async () => 1), 1);
  });
});

describe('Database', () => {
  it('applies each schema step once', () => {
    const database = new Database(':memory:');
    database.migrate('m', ['CREATE TABLE t (a)']);
    database.migrate('m', ['CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)']);
    database.migrate('m', ['CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)']);
    assert.equal(database.prepare('SELECT count(*) AS n FROM t').get()?.['n'], 1);
    database.close();
  });

  it('rolls a failed transaction back', () => {
    const database = new Database(':memory:');
    database.migrate('m', ['CREATE TABLE t (a)']);
    assert.throws(() =>
      database.transaction(() => {
        database.prepare('INSERT INTO t VALUES (1)').run();
        throw new Error('no');
      }),
    );
    assert.equal(database.prepare('SELECT count(*) AS n FROM t').get()?.['n'], 0);
    database.close();
  });
});

describe('time', () => {
  it('keeps nanoseconds both ways', () => {
    const moment = 1_795_000_000_123_456_789n;
    assert.equal(parseTimestamp(timestampFromNanoseconds(moment)), moment);
    assert.equal(parseTimestamp('2026-01-02T03:04:05Z'), 1_767_323_045_000_000_000n);
    assert.equal(parseTimestamp('2026-01-02T04:04:05.5+01:00'), 1_767_323_045_500_000_000n);
    assert.equal(parseTimestamp('yesterday'), undefined);
  });

  it('never repeats itself within a process', () => {
    const first = nowNanoseconds();
    assert.ok(nowNanoseconds() > first);
  });
});

it('describeError appends the causes', () => {
  assert.equal(describeError(invalidArgument('x', 'a', { cause: new Error('b') })), 'a: b');
});
