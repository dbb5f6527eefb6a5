import { usageFailure } from '../failure.ts';
import type { FlagValues } from '../flag-values.ts';
import { parseSwap } from '../values/host-options.ts';
import { parseBytes, parseCpus } from '../values/quantities.ts';

type Mutable = Record<string, unknown>;

const integers: readonly (readonly [string, string])[] = [
  ['cpu-period', 'CpuPeriod'],
  ['cpu-quota', 'CpuQuota'],
  ['cpu-rt-period', 'CpuRealtimePeriod'],
  ['cpu-rt-runtime', 'CpuRealtimeRuntime'],
  ['cpu-shares', 'CpuShares'],
  ['pids-limit', 'PidsLimit'],
  ['blkio-weight', 'BlkioWeight'],
  ['memory-swappiness', 'MemorySwappiness'],
  ['oom-score-adj', 'OomScoreAdj'],
];

/** Resource limits as HostConfig has them; only what was given. */
export function resources(flags: FlagValues): Mutable {
  const result: Mutable = {};
  for (const [flag, field] of integers) {
    const value = flags.integer(flag);
    if (value !== undefined) result[field] = value;
  }
  for (const [flag, field] of [
    ['memory', 'Memory'],
    ['memory-reservation', 'MemoryReservation'],
    ['kernel-memory', 'KernelMemory'],
    ['shm-size', 'ShmSize'],
  ] as const) {
    const value = flags.text(flag);
    if (value !== undefined) result[field] = parseBytes(value, flag);
  }
  const swap = flags.text('memory-swap');
  if (swap !== undefined) result['MemorySwap'] = parseSwap(swap);
  const cpus = flags.text('cpus');
  if (cpus !== undefined) {
    if (flags.has('cpu-quota') || flags.has('cpu-period')) {
      throw usageFailure('conflicting options: --cpus and --cpu-period or --cpu-quota');
    }
    result['NanoCpus'] = parseCpus(cpus);
  }
  for (const [flag, field] of [
    ['cpuset-cpus', 'CpusetCpus'],
    ['cpuset-mems', 'CpusetMems'],
  ] as const) {
    const value = flags.text(flag);
    if (value !== undefined) result[field] = value;
  }
  return result;
}
