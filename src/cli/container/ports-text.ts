import type { PortSummary } from '../api/model.ts';

const address = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);

interface Run {
  readonly group: string;
  readonly ip: string;
  readonly type: string;
  readonly published: boolean;
  readonly first: number;
  readonly firstPublic: number;
  last: number;
}

function runText(run: Run): string {
  const inside = run.first === run.last ? `${run.first}` : `${run.first}-${run.last}`;
  if (!run.published) return `${inside}/${run.type}`;
  const lastPublic = run.firstPublic + run.last - run.first;
  const outside = run.firstPublic === lastPublic ? `${run.firstPublic}` : `${run.firstPublic}-${lastPublic}`;
  return `${address(run.ip)}:${outside}->${inside}/${run.type}`;
}

/** "0.0.0.0:8080-8081->80-81/tcp, 443/tcp": neighbours with neighbouring host ports are drawn together. */
export function portsText(ports: readonly PortSummary[]): string {
  const ordered = ports.toSorted(
    (left, right) =>
      left.PrivatePort - right.PrivatePort ||
      (left.IP ?? '').localeCompare(right.IP ?? '') ||
      (left.PublicPort ?? 0) - (right.PublicPort ?? 0) ||
      left.Type.localeCompare(right.Type),
  );
  const runs: Run[] = [];
  for (const port of ordered) {
    const publicPort = port.PublicPort ?? 0;
    const group = `${port.IP ?? ''}|${port.Type}|${publicPort > 0}`;
    const open = runs.findLast((run) => run.group === group);
    const continues =
      open !== undefined &&
      port.PrivatePort === open.last + 1 &&
      (publicPort === 0 || publicPort === open.firstPublic + (open.last - open.first) + 1);
    if (continues) open.last = port.PrivatePort;
    else if (open === undefined || port.PrivatePort !== open.last || publicPort !== open.firstPublic) {
      runs.push({
        group,
        ip: port.IP ?? '',
        type: port.Type,
        published: publicPort > 0,
        first: port.PrivatePort,
        firstPublic: publicPort,
        last: port.PrivatePort,
      });
    }
  }
  return runs
    .toSorted((left, right) => (left.published ? 0 : 1) - (right.published ? 0 : 1))
    .map(runText)
    .join(', ');
}
