import { nowNanoseconds } from '../base/index.ts';
import type { NetworkService } from '../network/types.ts';
import type { RunningContainer } from '../runtime/types.ts';
import type { ContainerStatistics } from './types.ts';

/**
 * One reading of a container's counters. A container that does not run has all zeros, as Docker answers too.
 * @param process undefined when it does not run
 */
export async function containerStatistics(
  networks: Pick<NetworkService, 'interfaceStatistics'>,
  process: Pick<RunningContainer, 'record' | 'statistics'> | undefined,
  cgroupVersion: 1 | 2,
): Promise<ContainerStatistics> {
  if (process === undefined) return zeroStatistics(cgroupVersion);
  const [resources, interfaces] = await Promise.all([
    process.statistics(),
    networks.interfaceStatistics(process.record.pid),
  ]);
  return { resources, networks: interfaces };
}

function zeroStatistics(cgroupVersion: 1 | 2): ContainerStatistics {
  return {
    resources: {
      readAtNanoseconds: nowNanoseconds(),
      cpu: {
        totalNanoseconds: 0,
        userNanoseconds: 0,
        systemNanoseconds: 0,
        perCpuNanoseconds: [],
        hostTotalNanoseconds: 0,
        onlineCpus: 0,
        throttling: { periods: 0, throttledPeriods: 0, throttledNanoseconds: 0 },
      },
      memory: { usageBytes: 0, maximumUsageBytes: 0, limitBytes: 0, failures: 0, details: {} },
      pids: { current: 0, limit: undefined },
      blockIo: [],
      cgroupVersion,
    },
    networks: [],
  };
}
