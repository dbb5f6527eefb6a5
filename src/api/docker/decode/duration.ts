const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** A Go duration ("1h30m", "10s", "1.5h") in nanoseconds; undefined when the text is none. */
export function parseDuration(text: string): bigint | undefined {
  if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const match of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(match[1]) * (nanoseconds[match[2] ?? ''] ?? 0);
  }
  return Number.isSafeInteger(Math.round(total)) ? BigInt(Math.round(total)) : undefined;
}
