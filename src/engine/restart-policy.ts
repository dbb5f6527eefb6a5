import type { RestartPolicy } from './types.ts';

const firstDelayMilliseconds = 100;
const longestDelayMilliseconds = 60_000;
/** A run of this length was a success: the delay begins anew. */
const successfulRunMilliseconds = 10_000;

export interface EndedRun {
  readonly exitCode: number;
  readonly manuallyStopped: boolean;
  readonly ranMilliseconds: number;
  /** Automatic restarts so far. */
  readonly restartCount: number;
}

/** Whether Docker's rules restart a container after this end, while the daemon runs. */
export function shouldRestart(policy: RestartPolicy, run: EndedRun): boolean {
  if (run.manuallyStopped) return false;
  switch (policy.name) {
    case 'no':
      return false;
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      return run.exitCode !== 0 && (policy.maximumRetryCount === 0 || run.restartCount < policy.maximumRetryCount);
    default:
      return policy.name satisfies never;
  }
}

/**
 * Whether a container that has ended is started when the daemon starts. The one difference: `always` forgets that a user
 * stopped it, as Docker documents.
 */
export function shouldStartWithDaemon(policy: RestartPolicy, run: EndedRun): boolean {
  return shouldRestart(policy, policy.name === 'always' ? { ...run, manuallyStopped: false } : run);
}

/** The growing pause between restarts of one container: 100 ms, doubled each time up to a minute. */
export class RestartBackoff {
  #previous = 0;

  /** Milliseconds to wait after a run of this length. */
  next(ranMilliseconds: number): number {
    if (ranMilliseconds >= successfulRunMilliseconds) this.#previous = 0;
    this.#previous =
      this.#previous === 0 ? firstDelayMilliseconds : Math.min(this.#previous * 2, longestDelayMilliseconds);
    return this.#previous;
  }

  reset(): void {
    this.#previous = 0;
  }
}
