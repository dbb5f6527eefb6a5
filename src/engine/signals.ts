import { constants } from 'node:os';
import { invalidArgument } from '../base/index.ts';

/** Linux's first and last real-time signal as glibc counts them: 32 and 33 are its own. */
const realTimeFirst = 34;
const realTimeLast = 64;

const numbers: ReadonlyMap<string, number> = new Map([
  ...Object.entries(constants.signals).map(([name, number]): [string, number] => [name.slice(3), number]),
  ['CLD', constants.signals.SIGCHLD],
]);

/** Number of "SIGKILL", "kill", "9", "RTMIN+3", …. Throws invalid-argument `invalid-signal`. */
export function parseSignal(text: string): number {
  const invalid = (): Error => invalidArgument('invalid-signal', `Invalid signal: ${text}`);
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number < 1 || number > realTimeLast) throw invalid();
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const known = numbers.get(name);
  if (known !== undefined) return known;
  const realTime = /^RTM(IN|AX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime === null) throw invalid();
  const offset = Number(`${realTime[2] ?? ''}${realTime[3] ?? '0'}`);
  const number = (realTime[1] === 'IN' ? realTimeFirst : realTimeLast) + offset;
  if (number < realTimeFirst || number > realTimeLast) throw invalid();
  return number;
}

export const sigkill = 9;
export const sigterm = 15;
