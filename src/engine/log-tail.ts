import type { OpenLogFile } from './log-files.ts';
import type { LogFormat } from './log-record.ts';

/** From where to read: the index of a file and an offset in it. */
export interface LogPosition {
  readonly file: number;
  readonly offset: number;
}

/** Where the last `lines` lines of a log begin. `files` are oldest first; only as many as needed are looked at. */
export async function findTailPosition(
  format: LogFormat,
  files: readonly OpenLogFile[],
  lines: number,
): Promise<LogPosition> {
  const count = { remaining: lines, seen: new Set<1 | 2>() };
  for (let index = files.length - 1; index >= 0; index -= 1) {
    const file = files[index];
    if (file === undefined) continue;
    const offset = await format.findTail(file.handle, file.size, count);
    if (offset > 0) return { file: index, offset };
  }
  return { file: 0, offset: 0 };
}
