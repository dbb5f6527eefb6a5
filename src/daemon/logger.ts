import { type Logger, pino } from 'pino';
import type { LogLevel } from './options.ts';

const levelNames = new Map([
  [10, 'trace'],
  [20, 'debug'],
  [30, 'info'],
  [40, 'warn'],
  [50, 'error'],
  [60, 'fatal'],
]);

/** One logfmt line: time=… level=… msg="…" key=value. */
function formatText(line: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const parts = [
    `time=${new Date(Number(time)).toISOString()}`,
    `level=${levelNames.get(Number(level)) ?? String(level)}`,
    `msg=${JSON.stringify(msg ?? '')}`,
  ];
  for (const [key, value] of Object.entries(fields)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    parts.push(`${key}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`);
  }
  if (typeof err === 'object' && err !== null && 'stack' in err && Number(level) >= 50)
    parts.push(`stack=${JSON.stringify(err.stack)}`);
  return `${parts.join(' ')}\n`;
}

/** The daemon's log on standard error. `level` can be changed later (SIGHUP). */
export function createLogger(level: LogLevel, format: 'text' | 'json'): Logger {
  const destination = {
    write(line: string): void {
      process.stderr.write(format === 'json' ? line : formatText(line));
    },
  };
  return pino({ level, base: null }, destination);
}
