import type { Container } from '../../../engine/types.ts';

interface PortRow {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

type PortMap = Record<string, { HostIp: string; HostPort: string }[] | null>;

/** NetworkSettings.Ports: what is bound now, and null for ports that are exposed only. */
export function portMap(container: Container): PortMap {
  const ports: PortMap = {};
  const { endpoint } = container;
  // dockerd shows ports of a container only while it has its place in a network.
  if (endpoint === undefined) return ports;
  for (const exposed of container.effective.exposedPorts) ports[exposed] = null;
  for (const published of endpoint.ports) {
    const key = `${published.containerPort}/${published.protocol}`;
    const rows = ports[key] ?? [];
    rows.push({ HostIp: published.hostAddress, HostPort: String(published.hostPort) });
    ports[key] = rows;
  }
  return ports;
}

/** The Ports of a list entry: one row a bound address, or one for a port that is exposed only. */
export function portRows(container: Container): readonly PortRow[] {
  const { endpoint } = container;
  if (endpoint === undefined) return [];
  const rows: PortRow[] = endpoint.ports.map((published) => ({
    IP: published.hostAddress,
    PrivatePort: published.containerPort,
    PublicPort: published.hostPort,
    Type: published.protocol,
  }));
  for (const exposed of container.effective.exposedPorts) {
    const [port = '', protocol = 'tcp'] = exposed.split('/');
    const privatePort = Number(port);
    const bound = endpoint.ports.some((row) => row.containerPort === privatePort && row.protocol === protocol);
    if (!bound) rows.push({ PrivatePort: privatePort, Type: protocol });
  }
  return rows.sort((left, right) => left.PrivatePort - right.PrivatePort);
}
