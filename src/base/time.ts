/** RFC 3339, UTC, nine fractional digits: "2026-01-02T03:04:05.678901234Z". */
export type Timestamp = string;

/** What the Engine API shows for a moment that has not come, e.g. FinishedAt of a running container. */
export const zeroTimestamp: Timestamp = '0001-01-01T00:00:00Z';

const originNanoseconds = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** Nanoseconds since the epoch; strictly finer than Date.now(), so that events keep their order. */
export function nowNanoseconds(): bigint {
  const precise = originNanoseconds + process.hrtime.bigint();
  // After the clock was set, follow the wall clock rather than our own count.
  const wall = BigInt(Date.now()) * 1_000_000n;
  const drift = precise - wall;
  return drift > 1_000_000_000n || drift < -1_000_000_000n ? wall : precise;
}

export function timestampFromNanoseconds(nanoseconds: bigint): Timestamp {
  const seconds = nanoseconds / 1_000_000_000n;
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

export function now(): Timestamp {
  return timestampFromNanoseconds(nowNanoseconds());
}

/** Nanoseconds since the epoch of an RFC 3339 text with up to nine fractional digits; undefined when it is none. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i.exec(text);
  if (match === null) return undefined;
  const milliseconds = Date.parse(`${match[1] ?? ''}${match[3] ?? ''}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0') || '0');
}
