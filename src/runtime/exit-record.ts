import { readFileSync } from 'node:fs';
import { hasErrno } from '../kernel/index.ts';
import type { ExitRecord } from './types.ts';

/**
 * How a process ended, as its monitor wrote it (native/exit.c): the file is there whole or not at all, unless somebody else
 * or a broken disk changed it.
 * @returns undefined while it runs, when it never started, and when the record cannot be understood
 */
export function readExitRecord(path: string): ExitRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
  return parseExitRecord(text);
}

function parseExitRecord(text: string): ExitRecord | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof fields !== 'object' || fields === null) return undefined;
  const { exitCode, signal, oomKilled, finishedAtNanoseconds } = fields as Record<string, unknown>;
  // As text or as a number: it is beyond what a number holds exactly.
  const finished = String(finishedAtNanoseconds);
  if (!Number.isInteger(exitCode) || !Number.isInteger(signal) || !/^\d+$/.test(finished)) return undefined;
  return exitRecord(Number(exitCode), Number(signal), oomKilled === true, BigInt(finished));
}

/** @param signal 0: none */
export function exitRecord(exitCode: number, signal: number, oomKilled: boolean, finished: bigint): ExitRecord {
  return { exitCode, ...(signal === 0 ? {} : { signal }), oomKilled, finishedAtNanoseconds: finished };
}
