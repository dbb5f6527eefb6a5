import { constants } from 'node:os';

const names = new Map<number, string>(
  Object.entries(constants.errno).map(([name, value]) => [value, name] as [number, string]),
);

/** The symbolic name of an errno value, e.g. 2 -> "ENOENT". */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

export const errno = constants.errno;
