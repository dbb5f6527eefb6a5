import { readControl, readKeyed, readNumber } from './files.ts';
import type { CgroupStatistics } from './types.ts';

/** cpuacct.stat counts in USER_HZ, which Linux fixes at 100 for user space. */
const nanosecondsPerTick = 1e7;

/** @param directoryOf the group's directory for a controller; undefined where that is not mounted */
export function readStatisticsV1(directoryOf: (controller: string) => string | undefined): CgroupStatistics {
  const file = (controller: string, name: string): string => `${directoryOf(controller) ?? '/nonexistent'}/${name}`;
  const ticks = readKeyed(file('cpuacct', 'cpuacct.stat'));
  const throttling = readKeyed(file('cpu', 'cpu.stat'));
  const perCpu = (readControl(file('cpuacct', 'cpuacct.usage_percpu')) ?? '').split(' ').filter((text) => text !== '');
  return {
    cpu: {
      totalNanoseconds: readNumber(file('cpuacct', 'cpuacct.usage')) ?? 0,
      userNanoseconds: readNumber(file('cpuacct', 'cpuacct.usage_user')) ?? (ticks['user'] ?? 0) * nanosecondsPerTick,
      systemNanoseconds:
        readNumber(file('cpuacct', 'cpuacct.usage_sys')) ?? (ticks['system'] ?? 0) * nanosecondsPerTick,
      perCpuNanoseconds: perCpu.map(Number),
      throttling: {
        periods: throttling['nr_periods'] ?? 0,
        throttledPeriods: throttling['nr_throttled'] ?? 0,
        throttledNanoseconds: throttling['throttled_time'] ?? 0,
      },
    },
    memory: {
      usageBytes: readNumber(file('memory', 'memory.usage_in_bytes')) ?? 0,
      maximumUsageBytes: readNumber(file('memory', 'memory.max_usage_in_bytes')) ?? 0,
      limitBytes: readNumber(file('memory', 'memory.limit_in_bytes')) ?? 0,
      failures: readNumber(file('memory', 'memory.failcnt')) ?? 0,
      details: readKeyed(file('memory', 'memory.stat')),
    },
    pids: {
      current: readNumber(file('pids', 'pids.current')) ?? 0,
      limit: readNumber(file('pids', 'pids.max')),
    },
    blockIo: parseServiceBytes(
      readControl(file('blkio', 'blkio.throttle.io_service_bytes_recursive')) ??
        readControl(file('blkio', 'blkio.throttle.io_service_bytes')) ??
        '',
    ),
  };
}

/** Lines "8:0 Read 4096"; the closing "Total 4096" has no device. */
function parseServiceBytes(text: string): CgroupStatistics['blockIo'] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
    if (match === null) return [];
    return [{ major: Number(match[1]), minor: Number(match[2]), operation: match[3] ?? '', bytes: Number(match[4]) }];
  });
}

/** Limits and use that `explain` shows, by controller. */
export const explainedFilesV1: Readonly<Record<string, readonly string[]>> = {
  cpu: ['cpu.shares', 'cpu.cfs_period_us', 'cpu.cfs_quota_us'],
  cpuacct: ['cpuacct.usage'],
  cpuset: ['cpuset.cpus', 'cpuset.mems'],
  memory: [
    'memory.limit_in_bytes',
    'memory.memsw.limit_in_bytes',
    'memory.soft_limit_in_bytes',
    'memory.usage_in_bytes',
    'memory.max_usage_in_bytes',
  ],
  devices: ['devices.list'],
  freezer: ['freezer.state'],
  blkio: ['blkio.weight', 'blkio.bfq.weight'],
  pids: ['pids.max', 'pids.current'],
};
