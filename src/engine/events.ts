import { CortenError, nowNanoseconds, resourceExhausted } from '../base/index.ts';
import type { EngineEvent, EventLog } from './types.ts';

/** Past events that can be asked for, as Docker keeps them. */
const retainedEvents = 1000;
/** Events that a subscriber may leave unread before its subscription fails: a client that hangs must not fill memory. */
const maximumBacklog = 20_000;
/** setTimeout's limit: a longer wait fires at once. */
const maximumTimeoutMilliseconds = 2 ** 31 - 1;

export interface EventLogWithListeners extends EventLog {
  /** Live subscriptions, as `docker info` shows. */
  listeners(): number;
}

interface SubscriptionOptions {
  readonly sinceNanoseconds: bigint | undefined;
  readonly untilNanoseconds: bigint | undefined;
  readonly signal: AbortSignal;
}

/** One reader. It is registered when made, not at the first read, so that no event between the two is lost. */
class Subscription implements AsyncIterableIterator<EngineEvent> {
  readonly #queue: EngineEvent[];
  readonly #until: bigint | undefined;
  readonly #signal: AbortSignal;
  readonly #leave: (subscription: Subscription) => void;
  readonly #onAbort = (): void => this.#finish();
  #timer: NodeJS.Timeout | undefined;
  #waiting: ((result: IteratorResult<EngineEvent>) => void)[] = [];
  #failure: CortenError | undefined;
  #finished = false;

  constructor(past: EngineEvent[], options: SubscriptionOptions, leave: (subscription: Subscription) => void) {
    this.#queue = past;
    this.#until = options.untilNanoseconds;
    this.#signal = options.signal;
    this.#leave = leave;
    if (this.#signal.aborted) {
      this.#finish();
      return;
    }
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#armUntil();
  }

  get finished(): boolean {
    return this.#finished;
  }

  deliver(event: EngineEvent): void {
    if (this.#finished) return;
    if (this.#until !== undefined && event.timeNanoseconds > this.#until) {
      this.#finish();
      return;
    }
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      reader({ done: false, value: event });
      return;
    }
    if (this.#queue.length >= maximumBacklog) {
      this.#failure = resourceExhausted(
        'events-subscriber-too-slow',
        `the reader of the events is more than ${maximumBacklog} events behind`,
        { hint: 'subscribe again with since= set to the last event that was read' },
      );
      this.#queue.length = 0;
      this.#finish();
      return;
    }
    this.#queue.push(event);
  }

  async next(): Promise<IteratorResult<EngineEvent>> {
    const event = this.#queue.shift();
    if (event !== undefined) return { done: false, value: event };
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    if (this.#finished) return { done: true, value: undefined };
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  async return(): Promise<IteratorResult<EngineEvent>> {
    this.#queue.length = 0;
    this.#finish();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #armUntil(): void {
    if (this.#until === undefined) return;
    const remaining = Number((this.#until - nowNanoseconds()) / 1_000_000n);
    if (remaining < 0) {
      this.#finish();
      return;
    }
    this.#timer = setTimeout(() => this.#armUntil(), Math.min(remaining + 1, maximumTimeoutMilliseconds));
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#leave(this);
    for (const reader of this.#waiting.splice(0)) reader({ done: true, value: undefined });
  }
}

class MemoryEventLog implements EventLogWithListeners {
  readonly #past: EngineEvent[] = [];
  readonly #subscriptions = new Set<Subscription>();
  #lastNanoseconds = 0n;

  publish(event: Omit<EngineEvent, 'timeNanoseconds'>): void {
    // Strictly increasing, so that a client can go on from the last event it saw, also after the clock was set back.
    const time = nowNanoseconds();
    this.#lastNanoseconds = time > this.#lastNanoseconds ? time : this.#lastNanoseconds + 1n;
    const stamped: EngineEvent = { ...event, timeNanoseconds: this.#lastNanoseconds };
    this.#past.push(stamped);
    // Trimmed in blocks: a shift at every event would move the whole array.
    if (this.#past.length >= 2 * retainedEvents) this.#past.splice(0, this.#past.length - retainedEvents);
    for (const subscription of [...this.#subscriptions]) subscription.deliver(stamped);
  }

  subscribe(options: SubscriptionOptions): AsyncIterable<EngineEvent> {
    const subscription = new Subscription(this.#select(options), options, (left) => this.#subscriptions.delete(left));
    if (!subscription.finished) this.#subscriptions.add(subscription);
    return subscription;
  }

  listeners(): number {
    return this.#subscriptions.size;
  }

  /** Docker's rule: without since and until only live events, with either of them also those of the past. */
  #select({ sinceNanoseconds, untilNanoseconds }: SubscriptionOptions): EngineEvent[] {
    if (sinceNanoseconds === undefined && untilNanoseconds === undefined) return [];
    const since = sinceNanoseconds ?? 0n;
    return this.#past
      .slice(-retainedEvents)
      .filter(
        ({ timeNanoseconds }) =>
          timeNanoseconds >= since && (untilNanoseconds === undefined || timeNanoseconds <= untilNanoseconds),
      );
  }
}

/** The events of this daemon's life, in memory: like Docker's they do not outlive it. */
export function createEventLog(): EventLogWithListeners {
  return new MemoryEventLog();
}
