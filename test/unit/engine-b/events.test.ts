import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CortenError, nowNanoseconds } from '../../../src/base/index.ts';
import { createEventLog } from '../../../src/engine/events.ts';
import type { EngineEvent, EventLog } from '../../../src/engine/types.ts';

const publish = (log: EventLog, action: string): void =>
  log.publish({ type: 'container', action, actor: { id: 'c', attributes: {} } });

const options = (wish: { since?: bigint; until?: bigint; signal?: AbortSignal }) => ({
  sinceNanoseconds: wish.since,
  untilNanoseconds: wish.until,
  signal: wish.signal ?? new AbortController().signal,
});

async function take(events: AsyncIterable<EngineEvent>, count: number): Promise<EngineEvent[]> {
  const taken: EngineEvent[] = [];
  if (count === 0) return taken;
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

const actions = (events: readonly EngineEvent[]): string[] => events.map(({ action }) => action);

describe('events', { timeout: 30_000 }, () => {
  it('reach a subscriber from the moment of its subscription, in order', async () => {
    const log = createEventLog();
    publish(log, 'before');
    const subscription = log.subscribe(options({}));
    publish(log, 'one');
    publish(log, 'two');
    const reading = take(subscription, 3);
    setImmediate(() => publish(log, 'three'));
    const events = await reading;
    assert.deepEqual(actions(events), ['one', 'two', 'three']);
    assert.equal(log.listeners(), 0, 'a reader that leaves is forgotten');
    for (const [index, event] of events.entries()) {
      assert.ok(event.timeNanoseconds > (events[index - 1]?.timeNanoseconds ?? 0n));
    }
  });

  it('of the past come with since, followed by live ones without a gap', async () => {
    const log = createEventLog();
    publish(log, 'old');
    const since = nowNanoseconds() + 1n;
    while (nowNanoseconds() <= since);
    publish(log, 'past');
    const subscription = log.subscribe(options({ since }));
    publish(log, 'live');
    assert.deepEqual(actions(await take(subscription, 2)), ['past', 'live']);
  });

  it('end with an until that is over', async () => {
    const log = createEventLog();
    publish(log, 'one');
    const until = nowNanoseconds();
    while (nowNanoseconds() <= until);
    publish(log, 'two');
    assert.deepEqual(actions(await take(log.subscribe(options({ until })), 10)), ['one']);
    assert.equal(log.listeners(), 0);
  });

  it('end by themselves at an until that comes', async () => {
    const log = createEventLog();
    const subscription = log.subscribe(options({ until: nowNanoseconds() + 1_000_000_000n }));
    publish(log, 'one');
    assert.equal(log.listeners(), 1);
    assert.deepEqual(actions(await take(subscription, 10)), ['one']);
    assert.equal(log.listeners(), 0);
  });

  it('end when the signal aborts, while waiting and before', async () => {
    const log = createEventLog();
    const controller = new AbortController();
    const reading = take(log.subscribe(options({ signal: controller.signal })), 10);
    setImmediate(() => controller.abort());
    assert.deepEqual(await reading, []);
    assert.deepEqual(await take(log.subscribe(options({ signal: controller.signal })), 10), []);
    assert.equal(log.listeners(), 0);
  });

  it('are kept to the last thousand', async () => {
    const log = createEventLog();
    for (let index = 0; index < 2_500; index += 1) publish(log, String(index));
    const events = await take(log.subscribe(options({ since: 0n, until: nowNanoseconds() + 1_000_000n })), 5_000);
    assert.equal(events.length, 1000);
    assert.equal(events[0]?.action, '1500');
  });

  it('of a reader that does not read end in an error and do not fill memory', async () => {
    const log = createEventLog();
    const subscription = log.subscribe(options({}));
    for (let index = 0; index < 30_000; index += 1) publish(log, 'x');
    assert.equal(log.listeners(), 0);
    await assert.rejects(take(subscription, 1), (error: unknown) => {
      assert.ok(error instanceof CortenError);
      assert.equal(error.code, 'events-subscriber-too-slow');
      return true;
    });
  });
});
