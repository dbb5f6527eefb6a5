import { formatValue, goQuote } from './go-value.ts';

const typeName = (value: unknown): string => {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
};

function pad(body: string, flags: string, width: number): string {
  if (body.length >= width) return body;
  if (flags.includes('-')) return body.padEnd(width);
  if (flags.includes('0') && /^[+-]?[\d.]/.test(body)) {
    const sign = /^[+-]/.exec(body)?.[0] ?? '';
    return sign + body.slice(sign.length).padStart(width - sign.length, '0');
  }
  return body.padStart(width);
}

function convert(verb: string, value: unknown, flags: string, precision: number | undefined): string {
  const bad = `%!${verb}(${typeName(value)}=${formatValue(value)})`;
  const plus = flags.includes('+') && typeof value === 'number' && value >= 0 ? '+' : '';
  switch (verb) {
    case 'v':
      return formatValue(value);
    case 's': {
      if (typeof value === 'number' || typeof value === 'boolean') return bad;
      const body = formatValue(value);
      return precision === undefined ? body : Array.from(body).slice(0, precision).join('');
    }
    case 'q':
      return typeof value === 'string' ? goQuote(value) : bad;
    case 'd':
      return typeof value === 'number' ? plus + String(Math.trunc(value)) : bad;
    case 't':
      return typeof value === 'boolean' ? String(value) : bad;
    case 'f':
      return typeof value === 'number' ? plus + value.toFixed(precision ?? 6) : bad;
    case 'g':
      return typeof value === 'number' ? plus + formatValue(value) : bad;
    case 'x':
    case 'X': {
      let body = bad;
      if (typeof value === 'number') body = Math.trunc(value).toString(16);
      else if (typeof value === 'string') body = Buffer.from(value).toString('hex');
      return verb === 'X' ? body.toUpperCase() : body;
    }
    case 'o':
      return typeof value === 'number' ? Math.trunc(value).toString(8) : bad;
    case 'b':
      return typeof value === 'number' ? Math.trunc(value).toString(2) : bad;
    case 'c':
      return typeof value === 'number' ? String.fromCodePoint(value) : bad;
    case 'T':
      return typeName(value);
    default:
      return bad;
  }
}

/** fmt.Sprintf for the verbs that make sense of JSON values. */
export function sprintf(format: string, values: readonly unknown[]): string {
  let used = 0;
  const result = format.replace(
    /%(?<flags>[-+# 0]*)(?<width>\*|\d+)?(?:\.(?<precision>\*|\d+))?(?<verb>[a-zA-Z%])/g,
    (_whole, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      const number = (given: string | undefined): number | undefined => {
        if (given === undefined) return undefined;
        if (given !== '*') return Number(given);
        used += 1;
        return Number(values[used - 1]);
      };
      const columns = number(width) ?? 0;
      const digits = number(precision);
      if (used >= values.length) return `%!${verb}(MISSING)`;
      used += 1;
      return pad(convert(verb, values[used - 1], flags, digits), flags, columns);
    },
  );
  if (used >= values.length) return result;
  const extra = values.slice(used).map((value) => `${typeName(value)}=${formatValue(value)}`);
  return `${result}%!(EXTRA ${extra.join(', ')})`;
}
