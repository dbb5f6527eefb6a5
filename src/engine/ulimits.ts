import { invalidArgument } from '../base/index.ts';

export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** Names that --ulimit takes. */
const names = new Set([
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
]);

/** Limits of a container: its own, and the daemon's defaults for the rest. Throws invalid-argument `invalid-ulimit`. */
export function ulimitsToRlimits(own: readonly Ulimit[], defaults: readonly Ulimit[]) {
  const merged = new Map([...defaults, ...own].map((limit) => [limit.name, limit]));
  return [...merged.values()].map(({ name, soft, hard }) => {
    if (!names.has(name)) throw invalidArgument('invalid-ulimit', `invalid ulimit type: ${name}`);
    if (hard >= 0 && (soft > hard || soft < 0)) {
      throw invalidArgument(
        'invalid-ulimit',
        `ulimit soft limit must be less than or equal to hard limit: ${name} ${soft} > ${hard}`,
      );
    }
    return { type: `RLIMIT_${name.toUpperCase()}`, soft, hard };
  });
}
