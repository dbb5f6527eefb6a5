import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { timestampFromNanoseconds } from '../../../src/base/index.ts';
import {
  formatDuration,
  type HealthClock,
  HealthProber,
  type HealthProberOptions,
  type HealthState,
  healthcheckCommand,
  type ProbeResult,
} from '../../../src/engine/health.ts';

const startedAtMs = 1_700_000_000_000;

/** Time that passes only when told to. */
class FakeClock implements HealthClock {
  #now = startedAtMs;
  #timers: { readonly at: number; readonly action: () => void }[] = [];

  nowNanoseconds(): bigint {
    return BigInt(this.#now) * 1_000_000n;
  }

  after(milliseconds: number, action: () => void): () => void {
    const timer = { at: this.#now + milliseconds, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get waiting(): number {
    return this.#timers.length;
  }

  /** Milliseconds until the next timer. */
  get next(): number {
    return Math.min(...this.#timers.map(({ at }) => at)) - this.#now;
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = due.at;
      due.action();
      await settled();
    }
    this.#now = end;
  }
}

/** All that can run now has run. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

const seconds = (count: number): number => count * 1e9;

class Fixture {
  readonly clock = new FakeClock();
  readonly reports: { readonly state: HealthState; readonly changed: boolean }[] = [];
  readonly results: (ProbeResult | Error)[] = [];
  probes = 0;
  run: (signal: AbortSignal) => Promise<ProbeResult> = async () => {
    const result = this.results.shift() ?? { exitCode: 0, output: '' };
    if (result instanceof Error) throw result;
    return result;
  };

  prober(healthcheck: Partial<HealthProberOptions['healthcheck']>, initial?: HealthState): HealthProber {
    return new HealthProber({
      healthcheck: {
        test: ['CMD', 'true'],
        intervalNanoseconds: seconds(10),
        timeoutNanoseconds: seconds(3),
        startPeriodNanoseconds: 0,
        startIntervalNanoseconds: 0,
        retries: 2,
        ...healthcheck,
      },
      startedAtMs,
      ...(initial === undefined ? {} : { initial }),
      run: async (signal) => {
        this.probes += 1;
        return await this.run(signal);
      },
      report: (state, changed) => this.reports.push({ state, changed }),
      clock: this.clock,
    });
  }

  fail(count: number): void {
    for (let index = 0; index < count; index += 1) this.results.push({ exitCode: 1, output: 'no' });
  }

  get statuses(): string[] {
    return this.reports.map(({ state }) => state.status);
  }
}

describe('health checks', () => {
  it('probe after each interval and become healthy with the first success', async () => {
    const fixture = new Fixture();
    const prober = fixture.prober({});
    prober.start();
    assert.equal(prober.state.status, 'starting');
    await fixture.clock.advance(9_999);
    assert.equal(fixture.probes, 0);
    await fixture.clock.advance(1);
    await fixture.clock.advance(10_000);
    assert.deepEqual(
      fixture.reports.map(({ changed }) => changed),
      [true, false],
    );
    assert.deepEqual(fixture.statuses, ['healthy', 'healthy']);
    assert.equal(prober.state.log[0]?.start, timestampFromNanoseconds(BigInt(startedAtMs + 10_000) * 1_000_000n));
    prober.stop();
    assert.equal(fixture.clock.waiting, 0);
  });

  it('become unhealthy after the retries, and healthy again', async () => {
    const fixture = new Fixture();
    const prober = fixture.prober({});
    fixture.fail(3);
    prober.start();
    await fixture.clock.advance(40_000);
    assert.deepEqual(fixture.statuses, ['starting', 'unhealthy', 'unhealthy', 'healthy']);
    assert.deepEqual(
      fixture.reports.map(({ state }) => state.failingStreak),
      [1, 2, 3, 0],
    );
    assert.deepEqual(
      fixture.reports.map(({ changed }) => changed),
      [false, true, false, true],
    );
    prober.stop();
  });

  it('forgive failures within the start period, with the start interval', async () => {
    const fixture = new Fixture();
    const prober = fixture.prober({ startPeriodNanoseconds: seconds(5), startIntervalNanoseconds: seconds(1) });
    fixture.fail(100);
    prober.start();
    await fixture.clock.advance(4_000);
    assert.deepEqual(
      fixture.reports.map(({ state }) => state.failingStreak),
      [0, 0, 0, 0],
    );
    // The probe at 5 s is no longer within the period, and from then on the interval holds.
    await fixture.clock.advance(1_000);
    assert.equal(prober.state.failingStreak, 1);
    assert.equal(fixture.clock.next, 10_000);
    await fixture.clock.advance(10_000);
    assert.equal(prober.state.status, 'unhealthy');
    prober.stop();
  });

  it('use the interval once healthy, also within the start period', async () => {
    const fixture = new Fixture();
    const prober = fixture.prober({ startPeriodNanoseconds: seconds(60), startIntervalNanoseconds: seconds(1) });
    prober.start();
    await fixture.clock.advance(1_000);
    assert.equal(prober.state.status, 'healthy');
    assert.equal(fixture.clock.next, 10_000);
    fixture.fail(2);
    await fixture.clock.advance(20_000);
    assert.equal(prober.state.status, 'unhealthy', 'failures after a success count');
    prober.stop();
  });

  it('end a probe at its timeout', async () => {
    const fixture = new Fixture();
    let aborted = false;
    fixture.run = async (signal) =>
      await new Promise(() => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
      });
    const prober = fixture.prober({ timeoutNanoseconds: seconds(90) });
    prober.start();
    await fixture.clock.advance(99_999);
    assert.equal(aborted, false);
    await fixture.clock.advance(1);
    assert.equal(aborted, true);
    assert.equal(prober.state.failingStreak, 1);
    assert.equal(prober.state.log[0]?.exitCode, -1);
    assert.equal(prober.state.log[0]?.output, 'Health check exceeded timeout (1m30s)');
    assert.equal(fixture.clock.next, 10_000, 'the next one follows all the same');
    prober.stop();
  });

  it('count a probe that could not run as a failure', async () => {
    const fixture = new Fixture();
    fixture.results.push(new Error('exec: "curl": executable file not found in $PATH'));
    const prober = fixture.prober({});
    prober.start();
    await fixture.clock.advance(10_000);
    assert.deepEqual(prober.state.log[0]?.output, 'exec: "curl": executable file not found in $PATH');
    assert.equal(prober.state.failingStreak, 1);
    prober.stop();
  });

  it('keep the last five probes with 4096 bytes each', async () => {
    const fixture = new Fixture();
    const prober = fixture.prober({});
    for (let index = 0; index < 7; index += 1) {
      fixture.results.push({ exitCode: 0, output: Buffer.from(`${index}${'é'.repeat(3000)}`) });
    }
    prober.start();
    await fixture.clock.advance(70_000);
    assert.deepEqual(
      prober.state.log.map(({ output }) => output[0]),
      ['2', '3', '4', '5', '6'],
    );
    assert.equal(prober.state.log[0]?.output, `2${'é'.repeat(2047)}...`);
    prober.stop();
  });

  it('report nothing after a stop, and kill the probe that runs', async () => {
    const fixture = new Fixture();
    const finish = Promise.withResolvers<ProbeResult>();
    let aborted = false;
    fixture.run = async (signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return await finish.promise;
    };
    const prober = fixture.prober({});
    prober.start();
    await fixture.clock.advance(10_000);
    assert.equal(fixture.probes, 1);
    prober.stop();
    assert.equal(aborted, true);
    finish.resolve({ exitCode: 0, output: '' });
    await settled();
    assert.deepEqual(fixture.reports, []);
    assert.equal(fixture.clock.waiting, 0);
  });

  it('go on from what was known before the daemon restarted', async () => {
    const fixture = new Fixture();
    const prober = fixture.prober({}, { status: 'healthy', failingStreak: 1, log: [] });
    fixture.fail(1);
    prober.start();
    await fixture.clock.advance(10_000);
    assert.equal(prober.state.status, 'unhealthy');
    prober.stop();
  });

  it('have the defaults of Docker', async () => {
    const fixture = new Fixture();
    const prober = fixture.prober({ intervalNanoseconds: 0, timeoutNanoseconds: 0, retries: 0 });
    fixture.fail(3);
    prober.start();
    assert.equal(fixture.clock.next, 30_000);
    await fixture.clock.advance(60_000);
    assert.equal(prober.state.status, 'starting');
    await fixture.clock.advance(30_000);
    assert.equal(prober.state.status, 'unhealthy');
    prober.stop();
  });
});

describe('the command of a health check', () => {
  it('is run directly, in the shell, or not at all', () => {
    assert.deepEqual(healthcheckCommand(['CMD', 'a', 'b'], undefined), ['a', 'b']);
    assert.deepEqual(healthcheckCommand(['CMD-SHELL', 'a || b'], undefined), ['/bin/sh', '-c', 'a || b']);
    assert.deepEqual(healthcheckCommand(['CMD-SHELL', 'a'], ['/bin/bash', '-ec']), ['/bin/bash', '-ec', 'a']);
    assert.equal(healthcheckCommand(['NONE'], undefined), undefined);
    assert.equal(healthcheckCommand([], undefined), undefined);
  });

  it('prints durations as Go does', () => {
    const cases: [number, string][] = [
      [250, '250ms'],
      [1_500, '1.5s'],
      [30_000, '30s'],
      [60_000, '1m0s'],
      [3_600_000, '1h0m0s'],
      [5_405_000, '1h30m5s'],
    ];
    for (const [milliseconds, text] of cases) assert.equal(formatDuration(milliseconds), text);
  });
});
