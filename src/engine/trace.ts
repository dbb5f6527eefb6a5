import { performance } from 'node:perf_hooks';
import type { LaunchTrace } from './types.ts';

/** Phases of one start, with the moment each began relative to the first. */
export class PhaseTrace {
  readonly #begin = performance.now();
  readonly #phases: LaunchTrace['phases'][number][] = [];

  /** A phase that has just ended. */
  ended(name: string, milliseconds: number): void {
    const start = performance.now() - milliseconds - this.#begin;
    this.#phases.push({ name, startMilliseconds: Math.max(start, 0), durationMilliseconds: milliseconds });
  }

  async measure<T>(name: string, work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    try {
      return await work();
    } finally {
      this.ended(name, performance.now() - begin);
    }
  }

  result(): LaunchTrace {
    return { phases: this.#phases.toSorted((a, b) => a.startMilliseconds - b.startMilliseconds) };
  }
}
