import { invalidArgument } from '../base/index.ts';
import type { LogConfiguration } from './types.ts';

export interface LogRotation {
  /** 0 is without limit. */
  readonly maximumSize: number;
  readonly maximumFiles: number;
}

/** Rotation is on unless it is switched off by max-size=-1: a log must not fill the disk of whoever forgot it. */
const defaults: LogRotation = { maximumSize: 100 * 1024 * 1024, maximumFiles: 3 };
const units: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Throws invalid-argument `invalid-log-option`. */
export function parseLogOptions({ driver, options }: LogConfiguration): LogRotation {
  if (!['json-file', 'local', 'none'].includes(driver)) {
    throw invalidArgument('unknown-log-driver', `logger: no log driver named '${driver}' is registered`);
  }
  let rotation = defaults;
  for (const [name, value] of Object.entries(options)) {
    if (name === 'max-size') rotation = { ...rotation, maximumSize: parseSize(value) };
    else if (name === 'max-file') rotation = { ...rotation, maximumFiles: parseCount(value) };
    else {
      throw invalidArgument('invalid-log-option', `unknown log opt '${name}' for ${driver} log driver`, {
        hint: 'max-size and max-file are known',
      });
    }
  }
  return rotation;
}

function parseSize(text: string): number {
  if (text === '-1') return 0;
  const match = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const bytes = Math.floor(Number(match?.[1]) * (units[match?.[2]?.toLowerCase() ?? ''] ?? 1));
  if (match !== null && bytes > 0) return bytes;
  throw invalidArgument('invalid-log-option', `invalid size: '${text}'`, { hint: 'for example max-size=10m' });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1) return count;
  throw invalidArgument('invalid-log-option', 'max-file cannot be less than 1');
}
