import { invalidArgument } from '../../../base/index.ts';
import type { PortBinding } from '../../../engine/types.ts';
import type { PortProtocol } from '../../../network/types.ts';
import { portBindingFields } from './field-tables.ts';
import { fields, list, map, string } from './fields.ts';

export interface ContainerPort {
  readonly port: number;
  readonly protocol: PortProtocol;
}

function portNumber(text: string, what: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65535) {
    throw invalidArgument('invalid-port', `invalid port specification: "${what}"`);
  }
  return port;
}

function protocolOf(text: string, what: string): PortProtocol {
  const protocol = text.toLowerCase();
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp') return protocol;
  throw invalidArgument('invalid-port', `invalid port specification: "${what}": unknown protocol ${text}`);
}

/** "80", "80/tcp" or "8000-8002/udp", as the keys of ExposedPorts and PortBindings. */
export function containerPorts(key: string): readonly ContainerPort[] {
  const slash = key.indexOf('/');
  const protocol = protocolOf(slash < 0 ? 'tcp' : key.slice(slash + 1), key);
  const [first = '', last] = (slash < 0 ? key : key.slice(0, slash)).split('-', 2);
  const start = portNumber(first, key);
  const end = last === undefined ? start : portNumber(last, key);
  if (end < start) throw invalidArgument('invalid-port', `invalid port specification: "${key}"`);
  return Array.from({ length: end - start + 1 }, (_, index) => ({ port: start + index, protocol }));
}

/** ExposedPorts' keys in their long form, one a port: "80/tcp". */
export function exposedPorts(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => containerPorts(name).map(({ port, protocol }) => `${port}/${protocol}`));
}

function hostPort(value: string): string {
  if (value === '' || value === '0') return '';
  const [first = '', last, rest] = value.split('-');
  const start = portNumber(first, value);
  if (last === undefined) return value;
  if (rest !== undefined || portNumber(last, value) < start) {
    throw invalidArgument('invalid-port', `invalid port specification: "${value}"`);
  }
  return value;
}

export function portBindings(value: unknown, path: string): readonly PortBinding[] {
  const bindings = map(value, path, (entry, entryPath) =>
    list(entry, entryPath, (binding, bindingPath) => {
      const given = fields(binding, bindingPath, portBindingFields);
      return {
        hostAddress: string(given['HostIp'], `${bindingPath}.HostIp`),
        hostPort: hostPort(string(given['HostPort'], `${bindingPath}.HostPort`)),
      };
    }),
  );
  return Object.entries(bindings).flatMap(([key, hosts]) =>
    containerPorts(key).flatMap(({ port, protocol }) =>
      // An entry without bindings publishes the port at a free one, as dockerd does.
      (hosts.length === 0 ? [{ hostAddress: '', hostPort: '' }] : hosts).map((host) => ({
        containerPort: port,
        protocol,
        ...host,
      })),
    ),
  );
}
