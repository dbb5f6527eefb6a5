/**
 * Diff ids and blob digests that work in progress relies on before any image refers to them, so that a removal at
 * the same time does not collect them.
 */
export class Pins {
  readonly #counts = new Map<string, number>();

  has(key: string): boolean {
    return this.#counts.has(key);
  }

  session(): PinSession {
    return new PinSession(this.#counts);
  }
}

export class PinSession {
  readonly #counts: Map<string, number>;
  readonly #held = new Set<string>();

  constructor(counts: Map<string, number>) {
    this.#counts = counts;
  }

  pin(key: string): void {
    if (this.#held.has(key)) return;
    this.#held.add(key);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Lets go of all; returns what was held, for the collector to look at. */
  release(): readonly string[] {
    const held = [...this.#held];
    this.#held.clear();
    for (const key of held) {
      const count = (this.#counts.get(key) ?? 1) - 1;
      if (count === 0) this.#counts.delete(key);
      else this.#counts.set(key, count);
    }
    return held;
  }
}
