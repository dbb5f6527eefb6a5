import type { Listing } from '../format/listing.ts';
import { binarySize, humanSize, shortId } from '../format/units.ts';

interface CpuSample {
  readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] | null };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

/** The parts of GET /containers/{id}/stats that are shown. */
export interface StatisticsSample {
  readonly id?: string;
  readonly name?: string;
  readonly cpu_stats?: CpuSample;
  readonly precpu_stats?: CpuSample;
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>> | null;
  };
  readonly pids_stats?: { readonly current?: number };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>> | null;
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
}

export interface StatisticsRow {
  /** How the container was named on the command line. */
  readonly container: string;
  readonly sample: StatisticsSample | undefined;
}

/** Of one CPU: 200 % is two whole ones. */
export function cpuPercent(sample: StatisticsSample): number {
  const now = sample.cpu_stats;
  const before = sample.precpu_stats;
  const used = (now?.cpu_usage?.total_usage ?? 0) - (before?.cpu_usage?.total_usage ?? 0);
  const passed = (now?.system_cpu_usage ?? 0) - (before?.system_cpu_usage ?? 0);
  const cpus = now?.online_cpus ?? now?.cpu_usage?.percpu_usage?.length ?? 1;
  return used > 0 && passed > 0 ? (used / passed) * cpus * 100 : 0;
}

/** Without the page cache that the kernel takes back at need; v1 and v2 name that differently. */
export function memoryUse(sample: StatisticsSample): number {
  const usage = sample.memory_stats?.usage ?? 0;
  const stats = sample.memory_stats?.stats ?? {};
  const cache = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
  return cache < usage ? usage - cache : usage;
}

function memoryPercent(sample: StatisticsSample): number {
  const limit = sample.memory_stats?.limit ?? 0;
  return limit === 0 ? 0 : (memoryUse(sample) / limit) * 100;
}

function blockBytes(sample: StatisticsSample, operation: string): number {
  return (sample.blkio_stats?.io_service_bytes_recursive ?? [])
    .filter((entry) => entry.op.toLowerCase() === operation)
    .reduce((total, entry) => total + entry.value, 0);
}

function networkText(sample: StatisticsSample): string {
  const interfaces = Object.values(sample.networks ?? {});
  const received = interfaces.reduce((total, one) => total + one.rx_bytes, 0);
  const sent = interfaces.reduce((total, one) => total + one.tx_bytes, 0);
  return `${humanSize(received, 3)} / ${humanSize(sent, 3)}`;
}

export function statisticsListing(whole: boolean): Listing<StatisticsRow> {
  const shownOr =
    (otherwise: string, value: (sample: StatisticsSample) => string) =>
    (row: StatisticsRow): string =>
      row.sample === undefined ? otherwise : value(row.sample);
  return {
    shown: ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'],
    columns: [
      {
        name: 'BlockIO',
        heading: 'BLOCK I/O',
        value: shownOr(
          '--',
          (sample) => `${humanSize(blockBytes(sample, 'read'), 3)} / ${humanSize(blockBytes(sample, 'write'), 3)}`,
        ),
      },
      { name: 'CPUPerc', heading: 'CPU %', value: shownOr('--', (sample) => `${cpuPercent(sample).toFixed(2)}%`) },
      { name: 'Container', heading: 'CONTAINER', value: (row) => row.container },
      {
        name: 'ID',
        heading: 'CONTAINER ID',
        value: (row) => (whole ? (row.sample?.id ?? row.container) : shortId(row.sample?.id ?? row.container)),
      },
      { name: 'MemPerc', heading: 'MEM %', value: shownOr('--', (sample) => `${memoryPercent(sample).toFixed(2)}%`) },
      {
        name: 'MemUsage',
        heading: 'MEM USAGE / LIMIT',
        value: shownOr(
          '-- / --',
          (sample) => `${binarySize(memoryUse(sample))} / ${binarySize(sample.memory_stats?.limit ?? 0)}`,
        ),
      },
      { name: 'Name', heading: 'NAME', value: (row) => (row.sample?.name ?? '--').replace(/^\//, '') },
      { name: 'NetIO', heading: 'NET I/O', value: shownOr('--', networkText) },
      { name: 'PIDs', heading: 'PIDS', value: shownOr('--', (sample) => String(sample.pids_stats?.current ?? 0)) },
    ],
  };
}
