import { formatValue, goJson, goQuote, isObject, isTrue } from './go-value.ts';
import { templateFailure } from './lexer.ts';
import { sprintf } from './printf.ts';

export type TemplateFunction = (...values: readonly unknown[]) => unknown;

const text = (value: unknown): string => (typeof value === 'string' ? value : formatValue(value));

/** Joined as fmt.Sprint does: a space between two neighbours when neither is a string. */
function sprint(values: readonly unknown[]): string {
  let result = '';
  for (const [index, value] of values.entries()) {
    if (index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string') result += ' ';
    result += formatValue(value);
  }
  return result;
}

function index(container: unknown, ...keys: readonly unknown[]): unknown {
  let value = container;
  for (const key of keys) {
    if (Array.isArray(value) || typeof value === 'string') {
      if (typeof key !== 'number')
        throw templateFailure(`error calling index: cannot index a list with ${formatValue(key)}`);
      if (key < 0 || key >= value.length) throw templateFailure(`error calling index: index out of range: ${key}`);
      value = typeof value === 'string' ? value.charCodeAt(key) : value[key];
    } else if (isObject(value)) {
      // A missing key gives the zero value of the map's element type; for docker's maps that is the empty string or nil.
      const found: unknown = value[text(key)];
      value = found === undefined ? zeroLike(value) : found;
    } else if (value === undefined || value === null) {
      throw templateFailure('error calling index: index of untyped nil');
    } else throw templateFailure(`error calling index: cannot index ${formatValue(value)}`);
  }
  return value;
}

function zeroLike(map: Readonly<Record<string, unknown>>): unknown {
  const values = Object.values(map);
  return values.length === 0 || values.some((value) => typeof value === 'string') ? '' : undefined;
}

function compare(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : Number(left > right);
  throw templateFailure('error calling comparison: incompatible types for comparison');
}

function equal(left: unknown, right: unknown): boolean {
  const basic = (value: unknown): boolean => value === null || value === undefined || typeof value !== 'object';
  if (!basic(left) || !basic(right)) throw templateFailure('error calling eq: non-comparable type');
  if (left !== null && right !== null && left !== undefined && right !== undefined && typeof left !== typeof right) {
    throw templateFailure('error calling eq: incompatible types for comparison');
  }
  return left === right;
}

function slice(value: unknown, ...bounds: readonly unknown[]): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) throw templateFailure('error calling slice: not a list');
  const [from = 0, to = value.length] = bounds.map(Number);
  if (from < 0 || to > value.length || from > to)
    throw templateFailure(`error calling slice: index out of range: ${to}`);
  return value.slice(from, to);
}

function length(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  if (value === null) return 0;
  throw templateFailure('error calling len: of a value without length');
}

const title = (value: unknown): string =>
  text(value).replace(/(^|\s)(\p{L})/gu, (_, gap: string, letter: string) => gap + letter.toUpperCase());

function pad(value: unknown, before: unknown, after: unknown): string {
  const given = text(value);
  return given === '' ? '' : `${' '.repeat(Number(before))}${given}${' '.repeat(Number(after))}`;
}

function truncate(value: unknown, most: unknown): string {
  const given = text(value);
  return given.length < Number(most) ? given : given.slice(0, Number(most));
}

/** Functions of Go's text/template and those that docker adds. `and` and `or` are evaluated lazily elsewhere. */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  json: (value) => goJson(value),
  split: (value, separator) => text(value).split(text(separator)),
  join: (value, separator) => (Array.isArray(value) ? value.map(text).join(text(separator)) : text(value)),
  title,
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  pad,
  truncate,
  println: (...values) => `${values.map(formatValue).join(' ')}\n`,
  print: (...values) => sprint(values),
  printf: (format, ...values) => sprintf(text(format), values),
  len: length,
  index,
  slice,
  not: (value) => !isTrue(value),
  eq: (left, ...others) => others.some((other) => equal(left, other)),
  ne: (left, right) => !equal(left, right),
  lt: (left, right) => compare(left, right) < 0,
  le: (left, right) => compare(left, right) <= 0,
  gt: (left, right) => compare(left, right) > 0,
  ge: (left, right) => compare(left, right) >= 0,
  html: (value) => text(value).replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`),
  js: (value) => goQuote(text(value)).slice(1, -1),
  urlquery: (value) => encodeURIComponent(text(value)).replace(/%20/g, '+'),
};
