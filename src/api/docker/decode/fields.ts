import { invalidArgument, notImplemented } from '../../../base/index.ts';

/**
 * Decoding as Go's encoding/json does it for dockerd: null and absence are the zero value, names match regardless of case.
 * Unlike dockerd, a field that we do not know and that asks for something is refused rather than ignored.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * supported: mapped. ignored: of no effect in dockerd on Linux either, or only an echo. unsupported: refused unless it has
 * its zero value.
 */
export type FieldRule = 'supported' | 'ignored' | 'unsupported';

export type FieldTable = Readonly<Record<string, FieldRule>>;

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

export function wrongType(path: string, value: unknown, expected: string): never {
  throw invalidArgument('invalid-json-type', `invalid JSON: ${path} must be ${expected}, not ${typeName(value)}`);
}

/** Absent, null, false, 0, "", [], {} and objects and lists of nothing but these. */
export function isZero(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.values(value).every(isZero);
}

export function object(value: unknown, path: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return wrongType(path, value, 'an object');
  // Checked above: JSON.parse gives plain objects only.
  return value as JsonObject;
}

const lowerCaseNames = new WeakMap<FieldTable, ReadonlyMap<string, string>>();

function canonicalName(table: FieldTable, name: string): string | undefined {
  if (Object.hasOwn(table, name)) return name;
  let names = lowerCaseNames.get(table);
  if (names === undefined) {
    names = new Map(Object.keys(table).map((known) => [known.toLowerCase(), known]));
    lowerCaseNames.set(table, names);
  }
  return names.get(name.toLowerCase());
}

/** An object whose fields are all in `table`, under the table's spelling. @throws not-implemented `unsupported-field` */
export function fields(value: unknown, path: string, table: FieldTable): JsonObject {
  const given = object(value, path);
  const known: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(given)) {
    const canonical = canonicalName(table, name);
    const rule = canonical === undefined ? 'unsupported' : table[canonical];
    if (rule === 'unsupported' && !isZero(entry)) {
      throw notImplemented('unsupported-field', `${path}.${canonical ?? name} is not supported`, {
        hint: canonical === undefined ? 'the Engine API up to 1.51 has no such field' : 'leave it out',
      });
    }
    if (canonical !== undefined) known[canonical] = entry;
  }
  return known;
}

export function string(value: unknown, path: string): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : wrongType(path, value, 'a string');
}

export function boolean(value: unknown, path: string): boolean {
  if (value === undefined || value === null) return false;
  return typeof value === 'boolean' ? value : wrongType(path, value, 'true or false');
}

export function integer(value: unknown, path: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number') return wrongType(path, value, 'an integer');
  if (!Number.isSafeInteger(value)) {
    throw invalidArgument('invalid-json-type', `invalid JSON: ${path} must be an integer, not ${value}`);
  }
  return value;
}

/** Absent and null are undefined; everything else goes through `decode`. */
export function optional<T>(value: unknown, path: string, decode: (value: unknown, path: string) => T): T | undefined {
  return value === undefined || value === null ? undefined : decode(value, path);
}

export function list<T>(value: unknown, path: string, decode: (value: unknown, path: string) => T): readonly T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return wrongType(path, value, 'a list');
  return value.map((entry: unknown, index) => decode(entry, `${path}[${index}]`));
}

export function map<T>(
  value: unknown,
  path: string,
  decode: (value: unknown, path: string) => T,
): Readonly<Record<string, T>> {
  const given = object(value, path);
  return Object.fromEntries(Object.entries(given).map(([name, entry]) => [name, decode(entry, `${path}.${name}`)]));
}

export const strings = (value: unknown, path: string): readonly string[] => list(value, path, string);
export const stringMap = (value: unknown, path: string): Readonly<Record<string, string>> => map(value, path, string);

/** A list, or one string: what dockerd accepts for Cmd and Entrypoint. undefined when absent. */
export function commandLine(value: unknown, path: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? [value] : strings(value, path);
}

/** Keys of a map whose values mean nothing ("80/tcp": {}). */
export function keys(value: unknown, path: string): readonly string[] {
  return Object.keys(map(value, path, object));
}
