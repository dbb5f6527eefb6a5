import { readFileSync } from 'node:fs';
import { hasErrno } from '../kernel/index.ts';
import type { ExitRecord } from './types.ts';

/**
 * How a process ended, as its monitor wrote it (native/exit.c): the file is there whole or not at all.
 * @returns undefined while it runs, and when it never started
 */
export function readExitRecord(path: string): ExitRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
  const fields: unknown = JSON.parse(text);
  if (typeof fields !== 'object' || fields === null) return undefined;
  const { exitCode, signal, oomKilled, finishedAtNanoseconds } = fields as Record<string, unknown>;
  return exitRecord(Number(exitCode), Number(signal), oomKilled === true, BigInt(String(finishedAtNanoseconds)));
}

/** @param signal 0: none */
export function exitRecord(exitCode: number, signal: number, oomKilled: boolean, finished: bigint): ExitRecord {
  return { exitCode, ...(signal === 0 ? {} : { signal }), oomKilled, finishedAtNanoseconds: finished };
}
