import { timestampFromNanoseconds, zeroTimestamp } from '../../../base/index.ts';
import type { Container, ContainerStatistics } from '../../../engine/types.ts';
import type { ResourceStatistics } from '../../../runtime/types.ts';

const noThrottling = { periods: 0, throttled_periods: 0, throttled_time: 0 };
const noCpu = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: noThrottling,
};

function cpu(resources: ResourceStatistics): object {
  const { cpu } = resources;
  return {
    cpu_usage: {
      total_usage: cpu.totalNanoseconds,
      // cgroup v2 does not account by CPU; dockerd leaves the field out there too.
      ...(cpu.perCpuNanoseconds.length === 0 ? {} : { percpu_usage: cpu.perCpuNanoseconds }),
      usage_in_kernelmode: cpu.systemNanoseconds,
      usage_in_usermode: cpu.userNanoseconds,
    },
    system_cpu_usage: cpu.hostTotalNanoseconds,
    online_cpus: cpu.onlineCpus,
    throttling_data: {
      periods: cpu.throttling.periods,
      throttled_periods: cpu.throttling.throttledPeriods,
      throttled_time: cpu.throttling.throttledNanoseconds,
    },
  };
}

function memory({ memory, cgroupVersion }: ResourceStatistics): object {
  return {
    usage: memory.usageBytes,
    // Fields of cgroup v1 only.
    ...(cgroupVersion === 1 ? { max_usage: memory.maximumUsageBytes, failcnt: memory.failures } : {}),
    stats: memory.details,
    limit: memory.limitBytes,
  };
}

function blockIo(resources: ResourceStatistics): object {
  const rows = resources.blockIo.map((row) => ({
    major: row.major,
    minor: row.minor,
    op: row.operation,
    value: row.bytes,
  }));
  // dockerd tells the versions apart so: empty lists on cgroup v1, null where v2 has no such count.
  const none = resources.cgroupVersion === 1 ? [] : null;
  return { ...blockIoOf(none), io_service_bytes_recursive: rows.length === 0 ? none : rows };
}

function blockIoOf(rows: readonly never[] | null): object {
  return {
    io_service_bytes_recursive: rows,
    io_serviced_recursive: rows,
    io_queue_recursive: rows,
    io_service_time_recursive: rows,
    io_wait_time_recursive: rows,
    io_merged_recursive: rows,
    io_time_recursive: rows,
    sectors_recursive: rows,
  };
}

function networks(statistics: ContainerStatistics): object {
  return Object.fromEntries(
    statistics.networks
      .filter(({ name }) => name !== 'lo')
      .map((row) => [
        row.name,
        {
          rx_bytes: row.receivedBytes,
          rx_packets: row.receivedPackets,
          rx_errors: row.receivedErrors,
          rx_dropped: row.receivedDropped,
          tx_bytes: row.sentBytes,
          tx_packets: row.sentPackets,
          tx_errors: row.sentErrors,
          tx_dropped: row.sentDropped,
        },
      ]),
  );
}

/** One sample. The client computes percentages from it and `previous`, the sample before. */
export function statisticsSample(
  container: Container,
  statistics: ContainerStatistics,
  previous: ContainerStatistics | undefined,
): object {
  const { resources } = statistics;
  const interfaces = networks(statistics);
  return {
    name: `/${container.name}`,
    id: container.id,
    read: timestampFromNanoseconds(resources.readAtNanoseconds),
    preread: previous === undefined ? zeroTimestamp : timestampFromNanoseconds(previous.resources.readAtNanoseconds),
    pids_stats: {
      current: resources.pids.current,
      ...(resources.pids.limit === undefined ? {} : { limit: resources.pids.limit }),
    },
    blkio_stats: blockIo(resources),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(resources),
    precpu_stats: previous === undefined ? noCpu : cpu(previous.resources),
    memory_stats: memory(resources),
    ...(Object.keys(interfaces).length === 0 ? {} : { networks: interfaces }),
  };
}

/** What dockerd answers for a container that does not run: a sample of zeros. */
export function emptySample(container: Container): object {
  return {
    name: `/${container.name}`,
    id: container.id,
    read: zeroTimestamp,
    preread: zeroTimestamp,
    pids_stats: {},
    blkio_stats: blockIoOf(null),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: noCpu,
    precpu_stats: noCpu,
    memory_stats: {},
  };
}
