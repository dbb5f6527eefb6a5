import { invalidArgument } from '../../../base/index.ts';
import { parseDuration } from './duration.ts';
import { parseMoment, type Query, text } from './query.ts';

/** The `filters` parameter: each name with the values of which one must match. */
export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  values(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  has(name: string): boolean {
    return this.values(name).length > 0;
  }

  /** True when nothing was asked for, or one of the values satisfies `test`. */
  any(name: string, test: (value: string) => boolean): boolean {
    const values = this.values(name);
    return values.length === 0 || values.some(test);
  }

  /** "1"/"true" and "0"/"false"; undefined when not given. @throws invalid-argument */
  flag(name: string): boolean | undefined {
    const values = this.values(name);
    if (values.length === 0) return undefined;
    const truths = new Set(
      values.map((value) => {
        if (value === '1' || value === 'true') return true;
        if (value === '0' || value === 'false') return false;
        throw invalidArgument('invalid-filter', `invalid filter '${name}=[${values.join(' ')}]'`);
      }),
    );
    if (truths.size > 1) throw invalidArgument('invalid-filter', `invalid filter '${name}=[${values.join(' ')}]'`);
    return truths.has(true);
  }

  /** label=key, label=key=value: all have to match; label! : none may. */
  labels(labels: Readonly<Record<string, string>>): boolean {
    return (
      this.values('label').every((wanted) => matchesLabel(wanted, labels)) &&
      this.values('label!').every((unwanted) => !matchesLabel(unwanted, labels))
    );
  }

  /** The one moment of until/since filters, a time or a duration ago, in nanoseconds since the epoch. */
  moment(name: string): bigint | undefined {
    const values = this.values(name);
    if (values.length === 0) return undefined;
    const [value] = values;
    if (values.length > 1 || value === undefined) {
      throw invalidArgument('invalid-filter', `more than one ${name} filter specified`);
    }
    const ago = parseDuration(value);
    if (ago !== undefined) return BigInt(Date.now()) * 1_000_000n - ago;
    return parseMoment(name, value);
  }
}

function matchesLabel(wanted: string, labels: Readonly<Record<string, string>>): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, wanted);
  const name = wanted.slice(0, equals);
  return Object.hasOwn(labels, name) && labels[name] === wanted.slice(equals + 1);
}

function malformed(): never {
  throw invalidArgument('invalid-filter', 'invalid filters: expected a JSON map of lists, e.g. {"status":["running"]}');
}

function valuesOf(entry: unknown): readonly string[] {
  if (Array.isArray(entry)) {
    return entry.map((value: unknown) => (typeof value === 'string' ? value : malformed()));
  }
  // The map-of-map form that clients up to 1.21 sent and that docker's own library still accepts.
  if (typeof entry === 'object' && entry !== null) {
    return Object.entries(entry)
      .filter(([, wanted]) => (typeof wanted === 'boolean' ? wanted : malformed()))
      .map(([value]) => value);
  }
  return malformed();
}

/** @throws invalid-argument for malformed JSON and for names that are not in `accepted`, with dockerd's wording */
export function parseFilters(query: Query, accepted: readonly string[]): Filters {
  const given = text(query, 'filters');
  if (given === '') return new Filters(new Map());
  let parsed: unknown;
  try {
    parsed = JSON.parse(given);
  } catch {
    return malformed();
  }
  if (parsed === null) return new Filters(new Map());
  if (typeof parsed !== 'object' || Array.isArray(parsed)) return malformed();
  const values = new Map<string, readonly string[]>();
  for (const [name, entry] of Object.entries(parsed)) {
    if (!accepted.includes(name)) throw invalidArgument('invalid-filter', `invalid filter '${name}'`);
    values.set(name, valuesOf(entry));
  }
  return new Filters(values);
}
