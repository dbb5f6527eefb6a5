/** How Go's fmt, encoding/json and text/template treat values that came from JSON. */

/** A number that Go would hold as a float, shown with its fraction even where that is 0. */
export type GoObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is GoObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** text/template's truth: false, 0, nil, and empty strings, lists and maps are false. */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  if (isObject(value)) return Object.keys(value).length > 0;
  return true;
}

function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 21) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** fmt's %v. */
export function formatValue(value: unknown): string {
  if (value === undefined) return '<no value>';
  if (value === null) return '<nil>';
  if (typeof value === 'number') return formatNumber(value);
  if (Array.isArray(value)) return `[${value.map(formatValue).join(' ')}]`;
  if (isObject(value)) {
    const entries = Object.keys(value)
      .toSorted()
      .map((key) => `${key}:${formatValue(value[key])}`);
    return `map[${entries.join(' ')}]`;
  }
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : typeof value;
}

/**
 * JSON as docker prints it: `sorted` as for a Go map, and `escaped` as encoding/json does by itself, with <, >, & and the
 * line separators as \\u sequences (rows of listings have that, inspect and the template function do not).
 */
export function goJson(
  value: unknown,
  options: { readonly sorted?: boolean; readonly escaped?: boolean; readonly indent?: string } = {},
): string {
  const ordered = options.sorted === true ? sortKeys(value) : value;
  const text = JSON.stringify(ordered ?? null, undefined, options.indent);
  if (options.escaped !== true) return text;
  return text.replace(/[<>&\u2028\u2029]/g, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sortKeys(value[key])]),
  );
}

/** strconv.Quote. */
export function goQuote(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, (one) => {
    const code = one.codePointAt(0) ?? 0;
    return code < 0x80 ? `\\x${code.toString(16)}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
