import { usageFailure } from './failure.ts';

export type FlagValue = boolean | string | readonly string[];

/** The flags that were given, by long name. */
export class FlagValues {
  readonly #values: ReadonlyMap<string, FlagValue>;

  constructor(values: ReadonlyMap<string, FlagValue>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Whether a switch is on; `otherwise` when it was not given. */
  boolean(name: string, otherwise = false): boolean {
    const value = this.#values.get(name);
    return typeof value === 'boolean' ? value : otherwise;
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  list(name: string): readonly string[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value : [];
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^[+-]?\d+$/.test(value)) {
      throw usageFailure(`invalid argument "${value}" for --${name}: a whole number is expected`);
    }
    return Number(value);
  }
}
