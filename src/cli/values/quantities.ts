import { usageFailure } from '../failure.ts';

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
};

/** Bytes of "512m", "1.5g", "100", "64kb", "1GiB"; units are powers of 1024, as docker's --memory has them. */
export function parseBytes(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)\s?([kmgtp]?)(?:i?b)?$/i.exec(text);
  const unit = sizeUnits[(match?.[2] ?? '').toLowerCase()];
  if (match === null || unit === undefined) {
    throw usageFailure(`invalid argument "${text}" for --${flag}: invalid size`, 'sizes are like 512m or 1.5g');
  }
  return Math.floor(Number(match[1]) * unit);
}

const durationUnits: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1_000,
  µs: 1_000,
  μs: 1_000,
  ms: 1_000_000,
  s: 1_000_000_000,
  m: 60_000_000_000,
  h: 3_600_000_000_000,
};

/** Nanoseconds of a Go duration ("1m30s", "1.5h", "0"); undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^([+-])?((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (match === null) return undefined;
  let total = 0;
  for (const [, amount, unit] of (match[2] ?? '').matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (durationUnits[unit ?? ''] ?? 0);
  }
  return match[1] === '-' ? -total : total;
}

export function durationFlag(text: string, flag: string): number {
  const value = parseDuration(text);
  if (value === undefined) {
    throw usageFailure(`invalid argument "${text}" for --${flag}: invalid duration`, 'durations are like 30s or 1m30s');
  }
  return value;
}

/** Billionths of a CPU of "1.5". */
export function parseCpus(text: string): number {
  if (!/^\d*\.?\d+$|^\d+\.$/.test(text))
    throw usageFailure(`invalid argument "${text}" for --cpus: a number is expected`);
  const nano = Number(text) * 1e9;
  if (Math.abs(nano - Math.round(nano)) > 1e-3) {
    throw usageFailure(`invalid argument "${text}" for --cpus: value is too precise`);
  }
  return Math.round(nano);
}

/**
 * --since and --until: seconds since the epoch with optional fraction, an RFC 3339 date (also without zone or time, then
 * local), or a duration before now. Gives "seconds.nanoseconds" as the API wants it.
 */
export function parseMoment(text: string, now = Date.now()): string {
  const duration = parseDuration(text);
  if (duration !== undefined && text !== '0') return (now / 1000 - duration / 1e9).toFixed(9);
  if (/^-?\d+(\.\d+)?$/.test(text)) return text;
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d(?::\d\d(?::\d\d)?)?)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (match === null)
    throw usageFailure(`invalid time "${text}"`, 'times are like 2026-01-02T15:04:05, 1767366245 or 10m');
  const [, day = '', time = '00:00:00', fraction = '', zone = ''] = match;
  const seconds = Date.parse(`${day}T${time.padEnd(5, ':00').padEnd(8, ':00')}${zone}`) / 1000;
  if (Number.isNaN(seconds)) throw usageFailure(`invalid time "${text}"`);
  return `${seconds}.${fraction.padEnd(9, '0')}`;
}
