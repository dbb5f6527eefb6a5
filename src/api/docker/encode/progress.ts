import type { Progress } from '../../../image/types.ts';
import { answerOfError } from '../errors.ts';

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes as docker writes them: four significant digits, powers of 1000. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(4))}${units[unit] ?? ''}`;
}

function bar(current: number, total: number): string {
  const filled = Math.min(50, Math.floor((current / total) * 50));
  const head = filled < 50 ? '>' : '';
  return `[${'='.repeat(filled)}${head}${' '.repeat(50 - filled - head.length)}] `;
}

/** One line of the JSON message stream that docker's client draws progress from. */
export function progressMessage(progress: Progress): object {
  const { status, id, current, total } = progress;
  const identity = id === undefined ? {} : { id };
  if (current === undefined) return { status, ...identity };
  const known = total !== undefined && total > 0;
  return {
    status,
    progressDetail: known ? { current, total } : { current },
    progress: known ? `${bar(current, total)} ${bytesText(current)}/${bytesText(total)}` : bytesText(current),
    ...identity,
  };
}

/** How a failure is told once the answer has begun. */
export function errorMessage(error: unknown): object {
  const { message, status, code } = answerOfError(error);
  return { errorDetail: { code: status, message }, error: message, errorCode: code };
}
