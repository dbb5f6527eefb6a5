import type { Style } from '../format/style.ts';
import { binarySize } from '../format/units.ts';
import { bar } from '../image/progress.ts';
import type { TreeNode } from './tree.ts';

type Values = Readonly<Record<string, string>>;

/** A use with the limit that bounds it; v1 and v2 name the files differently. */
interface Gauge {
  readonly title: string;
  readonly use: readonly string[];
  readonly limit: readonly string[];
  readonly bytes: boolean;
}

const gauges: readonly Gauge[] = [
  {
    title: 'memory',
    use: ['memory.usage_in_bytes', 'memory.current'],
    limit: ['memory.limit_in_bytes', 'memory.max'],
    bytes: true,
  },
  {
    title: 'memory + swap',
    use: ['memory.memsw.usage_in_bytes'],
    limit: ['memory.memsw.limit_in_bytes'],
    bytes: true,
  },
  { title: 'swap', use: ['memory.swap.current'], limit: ['memory.swap.max'], bytes: true },
  { title: 'processes', use: ['pids.current'], limit: ['pids.max'], bytes: false },
];

const first = (values: Values, names: readonly string[]): string | undefined =>
  names.map((name) => values[name]).find((value) => value !== undefined);

/** v1 has no word for "no limit": it shows the largest number of whole pages. */
const unlimited = (limit: string): boolean => limit === 'max' || limit === '-1' || Number(limit) > 2 ** 60;

function gaugeNode(gauge: Gauge, values: Values, style: Style): TreeNode[] {
  const use = first(values, gauge.use);
  if (use === undefined) return [];
  const limit = first(values, gauge.limit);
  const amount = (value: string): string => (gauge.bytes ? binarySize(Number(value)) : value);
  if (limit === undefined || unlimited(limit)) return [{ text: `${gauge.title} ${amount(use)}, no limit` }];
  const share = Number(limit) === 0 ? 1 : Number(use) / Number(limit);
  const colour = share > 0.9 ? style.red : share > 0.7 ? style.yellow : style.green;
  return [{ text: `${gauge.title} ${colour(bar(Number(use), Number(limit), 20))} ${amount(use)} of ${amount(limit)}` }];
}

/** Quota and period as numbers of CPUs. */
function cpuNode(values: Values): TreeNode[] {
  const [quota, period] = values['cpu.max']?.split(' ') ?? [values['cpu.cfs_quota_us'], values['cpu.cfs_period_us']];
  if (quota === undefined || period === undefined) return [];
  if (unlimited(quota)) return [{ text: 'cpu time without limit' }];
  return [{ text: `cpu time of ${Number(quota) / Number(period)} CPUs (${quota} µs in ${period} µs)` }];
}

const drawn = new Set([
  ...gauges.flatMap((gauge) => [...gauge.use, ...gauge.limit]),
  'cpu.max',
  'cpu.cfs_quota_us',
  'cpu.cfs_period_us',
]);

/** What one cgroup uses and may use; files without a drawing of their own are listed as they are. */
export function usageNodes(values: Values, style: Style): TreeNode[] {
  const rest = Object.entries(values).filter(([name]) => !drawn.has(name));
  return [
    ...gauges.flatMap((gauge) => gaugeNode(gauge, values, style)),
    ...cpuNode(values),
    ...rest.map(([name, value]) => ({ text: `${style.dim(name)} ${value.trim().replace(/\s*\n\s*/g, '; ')}` })),
  ];
}
