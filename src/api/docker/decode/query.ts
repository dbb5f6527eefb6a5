import { invalidArgument, parseTimestamp } from '../../../base/index.ts';

/** A parsed query string; a name that is given twice is a list. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** First value of a parameter, as Go's FormValue gives it; "" when absent. */
export function text(query: Query, name: string): string {
  const value = query[name];
  if (value === undefined) return '';
  return typeof value === 'string' ? value : (value[0] ?? '');
}

export function texts(query: Query, name: string): readonly string[] {
  const value = query[name];
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** dockerd's rule: everything is true except these. */
export function flag(query: Query, name: string, absent = false): boolean {
  if (query[name] === undefined) return absent;
  const value = text(query, name).trim().toLowerCase();
  return !(value === '' || value === '0' || value === 'no' || value === 'false' || value === 'none');
}

/** @throws invalid-argument when it is there and is no integer of that range */
export function integer(
  query: Query,
  name: string,
  range: { readonly minimum?: number; readonly maximum?: number } = {},
): number | undefined {
  const value = text(query, name);
  if (value === '') return undefined;
  const number = Number(value);
  if (!/^[+-]?\d+$/.test(value) || !Number.isSafeInteger(number)) {
    throw invalidArgument('invalid-parameter', `invalid value for ${name}: "${value}" is not an integer`);
  }
  if (number < (range.minimum ?? -Infinity) || number > (range.maximum ?? Infinity)) {
    throw invalidArgument('invalid-parameter', `invalid value for ${name}: ${value} is out of range`);
  }
  return number;
}

/**
 * "1700000000", "1700000000.000000001" or RFC 3339, as nanoseconds since the epoch; undefined when absent or zero, which
 * clients send for "no limit".
 */
export function moment(query: Query, name: string): bigint | undefined {
  const value = text(query, name);
  if (value === '' || value === '0') return undefined;
  return parseMoment(name, value);
}

export function parseMoment(name: string, value: string): bigint {
  const match = /^(-?\d{1,12})(?:\.(\d{1,9}))?$/.exec(value);
  if (match !== null) {
    const fraction = BigInt((match[2] ?? '').padEnd(9, '0') || '0');
    return BigInt(match[1] ?? '0') * 1_000_000_000n + fraction;
  }
  const parsed = parseTimestamp(value);
  if (parsed === undefined) {
    throw invalidArgument('invalid-parameter', `invalid value for ${name}: "${value}" is not a Unix or RFC 3339 time`);
  }
  return parsed;
}
