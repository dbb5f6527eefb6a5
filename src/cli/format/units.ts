/** Sizes and durations in docker's words. */

function scaled(value: number, base: number, units: readonly string[]): readonly [number, string] {
  let rest = value;
  let step = 0;
  while (rest >= base && step < units.length - 1) {
    rest /= base;
    step += 1;
  }
  return [rest, units[step] ?? ''];
}

/** C's %.<digits>g for the magnitudes that occur here. */
function significant(value: number, digits: number): string {
  if (value === 0) return '0';
  const fixed = value.toPrecision(digits);
  const plain = fixed.includes('e') ? String(Number(fixed)) : fixed;
  return plain.includes('.') ? plain.replace(/\.?0+$/, '') : plain;
}

/** Powers of 1000: "1.98MB" (3 significant digits are docker's for tables). */
export function humanSize(bytes: number, digits = 4): string {
  const [value, unit] = scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']);
  return `${significant(value, digits)}${unit}`;
}

/** Powers of 1024: "23.54GiB". */
export function binarySize(bytes: number): string {
  const [value, unit] = scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']);
  return `${significant(value, 4)}${unit}`;
}

/** "5 minutes", "About an hour", "3 weeks". */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  const minutes = Math.trunc(seconds / 60);
  const hours = Math.round(milliseconds / 3_600_000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(hours / 24 / 365)} years`;
}

export function ago(epochMilliseconds: number, now = Date.now()): string {
  return `${humanDuration(Math.max(0, now - epochMilliseconds))} ago`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** Go's default print of a local time: "2026-01-02 03:04:05 +0000 UTC". */
export function goTime(epochMilliseconds: number): string {
  const date = new Date(epochMilliseconds);
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const zoneOffset = `${sign}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const zone =
    offset === 0
      ? 'UTC'
      : (new Intl.DateTimeFormat('en', { timeZoneName: 'short' })
          .formatToParts(date)
          .find((part) => part.type === 'timeZoneName')?.value ?? zoneOffset);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zoneOffset} ${zone}`;
}

/** An RFC 3339 text with nanoseconds as in the API, in local time with its offset: what `docker events` prints. */
export function localTimestamp(nanoseconds: bigint): string {
  const milliseconds = Number(nanoseconds / 1_000_000n);
  const date = new Date(milliseconds);
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const zone = offset === 0 ? 'Z' : `${sign}${two(Math.trunc(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${fraction}${zone}`;
}

/** First 12 digits of an id, without its algorithm. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

/** Cuts to `width` columns, with an ellipsis in the last one. */
export function ellipsis(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}
