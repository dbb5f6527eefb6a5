import { describeError, type Timestamp, timestampFromNanoseconds } from '../base/index.ts';
import type { ImageHealthcheck } from '../image/types.ts';
import type { ContainerState, HealthProbe, HealthStatus } from './types.ts';

export type HealthState = NonNullable<ContainerState['health']>;

/** Docker's defaults for what a health check leaves open. */
const defaults = { interval: 30_000, timeout: 30_000, startPeriod: 0, startInterval: 5_000, retries: 3 } as const;
const retainedProbes = 5;
/** Of a probe's output; more is cut, which "..." shows. */
export const maximumProbeOutputBytes = 4096;
const timeoutExitCode = -1;

/** Timers, so that tests need not wait. */
export interface HealthClock {
  nowNanoseconds(): bigint;
  /** Runs `action` once after `milliseconds`; the result takes it back. */
  after(milliseconds: number, action: () => void): () => void;
}

const systemClock: HealthClock = {
  nowNanoseconds: () => BigInt(Date.now()) * 1_000_000n,
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds);
    return () => clearTimeout(timer);
  },
};

export interface ProbeResult {
  readonly exitCode: number;
  readonly output: string | Uint8Array;
}

export interface HealthProberOptions {
  readonly healthcheck: ImageHealthcheck;
  /** When the container started: the start period counts from there, also after a restart of the daemon. */
  readonly startedAtMs: number;
  /** What was known before the daemon restarted; a new container begins with "starting". */
  readonly initial?: HealthState;
  /** Runs the probe's command in the container; must kill it and settle soon when the signal aborts. */
  run(signal: AbortSignal): Promise<ProbeResult>;
  /** Called after each probe. `changed`: the status is another one, of which Docker makes an event `health_status: x`. */
  report(state: HealthState, changed: boolean): void;
  readonly clock?: HealthClock;
}

/**
 * The command of a health check for exec, or undefined where it is switched off (no test, or NONE).
 * CMD-SHELL runs in the container's shell.
 */
export function healthcheckCommand(
  test: readonly string[],
  shell: readonly string[] | undefined,
): readonly string[] | undefined {
  const [kind, ...rest] = test;
  switch (kind) {
    case 'CMD':
      return rest.length === 0 ? undefined : rest;
    case 'CMD-SHELL':
      return rest.length === 0 ? undefined : [...(shell ?? ['/bin/sh', '-c']), ...rest];
    default:
      return undefined;
  }
}

const milliseconds = (nanoseconds: number, otherwise: number): number =>
  nanoseconds > 0 ? Math.max(nanoseconds / 1e6, 1) : otherwise;

/**
 * Probes one running container in Docker's way: the first probe one interval after the start, each further one an interval after
 * the end of the one before. Success makes it healthy; `retries` failures in a row make it unhealthy, of which those within
 * the start period do not count until one probe has succeeded. Within the start period the start interval is used.
 */
export class HealthProber {
  readonly #options: HealthProberOptions;
  readonly #clock: HealthClock;
  readonly #timing;
  #state: HealthState;
  #cancelTimer: (() => void) | undefined;
  #probe: AbortController | undefined;
  #started = false;
  #stopped = false;

  constructor(options: HealthProberOptions) {
    const { healthcheck } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#timing = {
      interval: milliseconds(healthcheck.intervalNanoseconds, defaults.interval),
      timeout: milliseconds(healthcheck.timeoutNanoseconds, defaults.timeout),
      startPeriod: milliseconds(healthcheck.startPeriodNanoseconds, defaults.startPeriod),
      startInterval: milliseconds(healthcheck.startIntervalNanoseconds, defaults.startInterval),
      retries: healthcheck.retries > 0 ? healthcheck.retries : defaults.retries,
    };
    this.#state = options.initial ?? { status: 'starting', failingStreak: 0, log: [] };
  }

  get state(): HealthState {
    return this.#state;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#schedule();
  }

  /** Idempotent. Kills a probe that runs; nothing is reported afterwards. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#probe?.abort();
  }

  #schedule(): void {
    if (this.#stopped) return;
    // The shorter interval is for the time in which the service comes up: until it was healthy once, or the period is over.
    const starting = this.#state.status === 'starting' && this.#inStartPeriod(this.#clock.nowNanoseconds());
    const delay = starting ? this.#timing.startInterval : this.#timing.interval;
    this.#cancelTimer = this.#clock.after(delay, () => {
      this.#probeOnce().catch((error: unknown) => {
        // #probeOnce turns failures of the probe into results: only `report` can get us here.
        process.emitWarning(`health check could not be recorded: ${describeError(error)}`);
        this.#schedule();
      });
    });
  }

  async #probeOnce(): Promise<void> {
    const start = this.#clock.nowNanoseconds();
    const result = await this.#run();
    if (this.#stopped) return;
    const end = this.#clock.nowNanoseconds();
    this.#record({ start: stamp(start), end: stamp(end), ...result }, start);
    this.#schedule();
  }

  async #run(): Promise<{ readonly exitCode: number; readonly output: string }> {
    const controller = new AbortController();
    this.#probe = controller;
    const { timeout } = this.#timing;
    const timedOut = Promise.withResolvers<'timeout'>();
    const cancelTimeout = this.#clock.after(timeout, () => {
      timedOut.resolve('timeout');
      controller.abort();
    });
    try {
      const running = this.#options.run(controller.signal);
      // A probe that cannot be killed (uninterruptible sleep) must not stop the checks.
      running.catch(() => undefined);
      const result = await Promise.race([running, timedOut.promise]);
      if (result === 'timeout') {
        return { exitCode: timeoutExitCode, output: `Health check exceeded timeout (${formatDuration(timeout)})` };
      }
      return { exitCode: result.exitCode, output: cutOutput(result.output) };
    } catch (error) {
      return { exitCode: timeoutExitCode, output: cutOutput(describeError(error)) };
    } finally {
      cancelTimeout();
      this.#probe = undefined;
    }
  }

  #record(probe: HealthProbe, startNanoseconds: bigint): void {
    const before = this.#state;
    const log = [...before.log, probe].slice(-retainedProbes);
    let status: HealthStatus = before.status;
    let failingStreak = 0;
    if (probe.exitCode === 0) {
      status = 'healthy';
    } else {
      const ignored = before.status === 'starting' && this.#inStartPeriod(startNanoseconds);
      failingStreak = ignored ? 0 : before.failingStreak + 1;
      if (failingStreak >= this.#timing.retries) status = 'unhealthy';
    }
    this.#state = { status, failingStreak, log };
    this.#options.report(this.#state, status !== before.status);
  }

  #inStartPeriod(nanoseconds: bigint): boolean {
    return Number(nanoseconds / 1_000_000n) - this.#options.startedAtMs < this.#timing.startPeriod;
  }
}

const stamp = (nanoseconds: bigint): Timestamp => timestampFromNanoseconds(nanoseconds);

function cutOutput(output: string | Uint8Array): string {
  const bytes = Buffer.from(output);
  if (bytes.length <= maximumProbeOutputBytes) return bytes.toString();
  // A character that is cut in two is left out.
  return `${new TextDecoder().decode(bytes.subarray(0, maximumProbeOutputBytes), { stream: true })}...`;
}

/** As Go prints durations: "30s", "1m30s", "1.5s", "250ms". */
export function formatDuration(totalMilliseconds: number): string {
  if (totalMilliseconds < 1000) return `${totalMilliseconds}ms`;
  const hours = Math.floor(totalMilliseconds / 3_600_000);
  const minutes = Math.floor((totalMilliseconds % 3_600_000) / 60_000);
  const seconds = (totalMilliseconds % 60_000) / 1000;
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}
