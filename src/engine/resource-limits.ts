import { invalidArgument } from '../base/index.ts';
import type { CgroupCapabilities } from '../kernel/index.ts';
import type { ResourceLimits } from '../runtime/types.ts';

const mebibyte = 1024 * 1024;
const minimumMemory = 6 * mebibyte;
const gone = 'or the cgroup is not mounted.';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export interface CheckedResources {
  /** What will be applied: wishes that this kernel cannot grant are left out. */
  readonly limits: ResourceLimits;
  /** One sentence for each that was left out or is dangerous, in Docker's words. */
  readonly warnings: readonly string[];
}

export interface ResourceRequest {
  readonly limits: ResourceLimits;
  /** Billionths of a CPU; 0 is unset. */
  readonly nanoCpus: number;
  readonly hostCpus: number;
}

/**
 * Checks limits by Docker's rules. A value that is impossible anywhere is an error; one that only this kernel cannot
 * honour is dropped with a warning, except real-time scheduling, which is an error there too.
 */
export function checkResources(request: ResourceRequest, kernel: CgroupCapabilities): CheckedResources {
  const limits: Writable<ResourceLimits> = { ...request.limits };
  const warnings: string[] = [];
  checkMemory(limits, kernel, warnings);
  checkSwappiness(limits, kernel, warnings);
  checkOomKiller(limits, kernel, warnings);
  checkCpu(limits, request, kernel, warnings);
  checkRealtime(limits, kernel);
  checkCpuset(limits, kernel, warnings);
  if (limits.pidsLimit !== undefined && limits.pidsLimit > 0 && !kernel.pids) {
    warnings.push(`Your kernel does not support PIDs limit capabilities ${gone} PIDs limit discarded.`);
    delete limits.pidsLimit;
  }
  checkBlkio(limits, kernel, warnings);
  return { limits, warnings };
}

/** Lines for `docker info` about limits that containers cannot have here. */
export function capabilityWarnings(kernel: CgroupCapabilities): readonly string[] {
  const supports: readonly (readonly [boolean, string])[] = [
    [kernel.memoryLimit, 'memory limit'],
    [kernel.swapLimit, 'swap limit'],
    [kernel.oomKillDisable || kernel.version === 2, 'oom kill disable'],
    [kernel.cpuCfs, 'cpu cfs quota'],
    [kernel.cpuCfs, 'cpu cfs period'],
    [kernel.cpuShares, 'cpu shares'],
    [kernel.cpuset, 'cpuset'],
    [kernel.pids, 'pids limit'],
  ];
  return supports.filter(([supported]) => !supported).map(([, what]) => `WARNING: No ${what} support`);
}

function refuse(code: string, message: string): never {
  throw invalidArgument(code, message);
}

function checkMemory(limits: Writable<ResourceLimits>, kernel: CgroupCapabilities, warnings: string[]): void {
  const memory = limits.memoryBytes ?? 0;
  const swap = limits.memorySwapBytes ?? 0;
  const reservation = limits.memoryReservationBytes ?? 0;
  if (memory !== 0 && memory < minimumMemory) refuse('memory-limit-too-low', 'Minimum memory limit allowed is 6MB');
  if (memory > 0 && !kernel.memoryLimit) {
    warnings.push(`Your kernel does not support memory limit capabilities ${gone} Limitation discarded.`);
    delete limits.memoryBytes;
    delete limits.memorySwapBytes;
  } else if (memory > 0 && swap !== -1 && !kernel.swapLimit) {
    warnings.push(`Your kernel does not support swap limit capabilities ${gone} Memory limited without swap.`);
    delete limits.memorySwapBytes;
  } else {
    if (memory > 0 && swap > 0 && swap < memory) {
      refuse('swap-below-memory', 'Minimum memoryswap limit should be larger than memory limit, see usage');
    }
    if (memory === 0 && swap > 0) {
      refuse('swap-without-memory', 'You should always set the Memory limit when using Memoryswap limit, see usage');
    }
    // As much swap as memory, unless said otherwise.
    if (memory > 0 && swap === 0) limits.memorySwapBytes = memory * 2;
  }
  if (reservation > 0 && !kernel.memoryReservation) {
    warnings.push(`Your kernel does not support memory soft limit capabilities ${gone} Limitation discarded.`);
    delete limits.memoryReservationBytes;
  } else if (reservation > 0 && reservation < minimumMemory) {
    refuse('memory-reservation-too-low', 'Minimum memory reservation allowed is 6MB');
  } else if (memory > 0 && reservation > memory) {
    refuse('memory-below-reservation', 'Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  for (const key of ['memoryBytes', 'memorySwapBytes', 'memoryReservationBytes'] as const) {
    if (limits[key] === 0) delete limits[key];
  }
}

function checkSwappiness(limits: Writable<ResourceLimits>, kernel: CgroupCapabilities, warnings: string[]): void {
  const swappiness = limits.memorySwappiness;
  if (swappiness === undefined || swappiness === -1) {
    delete limits.memorySwappiness;
    return;
  }
  if (swappiness < 0 || swappiness > 100) {
    refuse('swappiness-out-of-range', `Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  if (!kernel.memorySwappiness) {
    warnings.push(`Your kernel does not support memory swappiness capabilities ${gone} Memory swappiness discarded.`);
    delete limits.memorySwappiness;
  }
}

function checkOomKiller(limits: Writable<ResourceLimits>, kernel: CgroupCapabilities, warnings: string[]): void {
  if (limits.oomKillDisable !== true) return;
  if (!kernel.oomKillDisable) {
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
    delete limits.oomKillDisable;
  } else if (limits.memoryBytes === undefined) {
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  }
}

function checkCpu(
  limits: Writable<ResourceLimits>,
  { nanoCpus, hostCpus }: ResourceRequest,
  kernel: CgroupCapabilities,
  warnings: string[],
): void {
  const period = limits.cpuPeriodMicroseconds ?? 0;
  const quota = limits.cpuQuotaMicroseconds ?? 0;
  if (nanoCpus !== 0) {
    if (period > 0) refuse('cpu-conflict', 'Conflicting options: Nano CPUs and CPU Period cannot both be set.');
    if (quota > 0) refuse('cpu-conflict', 'Conflicting options: Nano CPUs and CPU Quota cannot both be set.');
    if (!kernel.cpuCfs) {
      refuse(
        'cpus-not-supported',
        `NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler ${gone}`,
      );
    }
    if (nanoCpus < 0 || nanoCpus > hostCpus * 1e9) {
      refuse(
        'cpus-out-of-range',
        `range of CPUs is from 0.01 to ${hostCpus}.00, as there are only ${hostCpus} CPUs available`,
      );
    }
  }
  if ((limits.cpuShares ?? 0) > 0 && !kernel.cpuShares) {
    warnings.push(`Your kernel does not support CPU shares ${gone} Shares discarded.`);
    delete limits.cpuShares;
  }
  if ((period !== 0 || quota > 0) && !kernel.cpuCfs) {
    warnings.push('Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.');
    delete limits.cpuPeriodMicroseconds;
    delete limits.cpuQuotaMicroseconds;
  }
  if (period !== 0 && (period < 1000 || period > 1_000_000)) {
    refuse(
      'cpu-period-out-of-range',
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    );
  }
  if (quota > 0 && quota < 1000) {
    refuse('cpu-quota-out-of-range', 'CPU cfs quota can not be less than 1ms (i.e. 1000)');
  }
  for (const key of ['cpuShares', 'cpuPeriodMicroseconds', 'cpuQuotaMicroseconds'] as const) {
    if (limits[key] === 0) delete limits[key];
  }
}

function checkRealtime(limits: Writable<ResourceLimits>, kernel: CgroupCapabilities): void {
  const period = limits.cpuRealtimePeriodMicroseconds ?? 0;
  const runtime = limits.cpuRealtimeRuntimeMicroseconds ?? 0;
  if (period !== 0 && !kernel.cpuRealtime) {
    refuse('cpu-realtime-not-supported', 'Your kernel does not support CPU real-time period');
  }
  if (runtime !== 0 && !kernel.cpuRealtime) {
    refuse('cpu-realtime-not-supported', 'Your kernel does not support CPU real-time runtime');
  }
  if (period !== 0 && runtime !== 0 && runtime > period) {
    refuse('cpu-realtime-out-of-range', 'cpu real-time runtime cannot be higher than cpu real-time period');
  }
  if (period === 0) delete limits.cpuRealtimePeriodMicroseconds;
  if (runtime === 0) delete limits.cpuRealtimeRuntimeMicroseconds;
}

function checkCpuset(limits: Writable<ResourceLimits>, kernel: CgroupCapabilities, warnings: string[]): void {
  const wishes = [
    { key: 'cpusetCpus', what: 'cpus', plain: 'CPUs', available: kernel.cpus },
    { key: 'cpusetMems', what: 'mems', plain: 'memory nodes', available: kernel.mems },
  ] as const;
  for (const { key, what, plain, available } of wishes) {
    const wish = limits[key];
    if (wish === undefined || wish === '') {
      delete limits[key];
      continue;
    }
    if (!kernel.cpuset) {
      warnings.push(`Your kernel does not support cpuset ${gone} Cpuset discarded.`);
      delete limits[key];
      continue;
    }
    const wanted = parseList(wish);
    if (wanted === undefined) refuse('cpuset-invalid', `Invalid value ${wish} for cpuset ${what}`);
    const offered = parseList(available) ?? new Set();
    if ([...wanted].some((number) => !offered.has(number))) {
      refuse('cpuset-unavailable', `Requested ${plain} are not available - requested ${wish}, available: ${available}`);
    }
  }
}

/** "0-2,5" as a set; undefined when it is no such list. No machine has more than 8192 CPUs. */
function parseList(text: string): Set<number> | undefined {
  const numbers = new Set<number>();
  for (const part of text.trim().split(',')) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || last >= 8192) return undefined;
    for (let number = first; number <= last; number += 1) numbers.add(number);
  }
  return numbers;
}

function checkBlkio(limits: Writable<ResourceLimits>, kernel: CgroupCapabilities, warnings: string[]): void {
  const weight = limits.blkioWeight ?? 0;
  if (weight === 0) {
    delete limits.blkioWeight;
    return;
  }
  if (weight < 10 || weight > 1000) refuse('blkio-weight-out-of-range', 'Range of blkio weight is from 10 to 1000');
  if (!kernel.blkioWeight) {
    warnings.push(`Your kernel does not support Block I/O weight ${gone} Weight discarded.`);
    delete limits.blkioWeight;
  }
}
