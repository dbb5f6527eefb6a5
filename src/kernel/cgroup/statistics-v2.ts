import { readControl, readKeyed, readNumber } from './files.ts';
import type { CgroupStatistics } from './types.ts';

/** What v1 shows for "no limit": the largest page-aligned value. Callers compare with the host's memory. */
const unlimited = 0x7fff_ffff_ffff_f000;

export function readStatisticsV2(directory: string): CgroupStatistics {
  const cpu = readKeyed(`${directory}/cpu.stat`);
  const usage = readNumber(`${directory}/memory.current`) ?? 0;
  const events = readKeyed(`${directory}/memory.events`);
  const nanoseconds = (key: string): number => (cpu[key] ?? 0) * 1000;
  return {
    cpu: {
      totalNanoseconds: nanoseconds('usage_usec'),
      userNanoseconds: nanoseconds('user_usec'),
      systemNanoseconds: nanoseconds('system_usec'),
      perCpuNanoseconds: [],
      throttling: {
        periods: cpu['nr_periods'] ?? 0,
        throttledPeriods: cpu['nr_throttled'] ?? 0,
        throttledNanoseconds: nanoseconds('throttled_usec'),
      },
    },
    memory: {
      usageBytes: usage,
      // memory.peak came with Linux 5.19.
      maximumUsageBytes: readNumber(`${directory}/memory.peak`) ?? usage,
      limitBytes: readNumber(`${directory}/memory.max`) ?? unlimited,
      failures: events['max'] ?? 0,
      details: readKeyed(`${directory}/memory.stat`),
    },
    pids: {
      current: readNumber(`${directory}/pids.current`) ?? 0,
      limit: readNumber(`${directory}/pids.max`),
    },
    blockIo: parseIoStat(readControl(`${directory}/io.stat`) ?? ''),
  };
}

const operations = new Map([
  ['rbytes', 'read'],
  ['wbytes', 'write'],
  ['dbytes', 'discard'],
]);

/** Lines "8:0 rbytes=4096 wbytes=0 rios=1 …". */
function parseIoStat(text: string): CgroupStatistics['blockIo'] {
  return text.split('\n').flatMap((line) => {
    const [device = '', ...fields] = line.split(' ');
    const [major, minor] = device.split(':').map(Number);
    if (major === undefined || minor === undefined || Number.isNaN(major)) return [];
    return fields.flatMap((field) => {
      const [key = '', value = ''] = field.split('=');
      const operation = operations.get(key);
      return operation === undefined ? [] : [{ major, minor, operation, bytes: Number(value) }];
    });
  });
}

export const explainedFilesV2: readonly string[] = [
  'cpu.weight',
  'cpu.max',
  'cpuset.cpus',
  'cpuset.cpus.effective',
  'memory.max',
  'memory.swap.max',
  'memory.low',
  'memory.current',
  'memory.peak',
  'io.weight',
  'pids.max',
  'pids.current',
  'cgroup.freeze',
];
