import { isIP } from 'node:net';
import { invalidArgument } from '../base/index.ts';
import type { PortPublication } from '../network/types.ts';
import type { ContainerConfiguration, PortBinding } from './types.ts';
import { hasOwnNetwork, parseExposedPort } from './validate-configuration.ts';

/** The ports to publish: those bound by hand, and with publish-all every exposed one that was not. */
export function portPublications(
  configuration: ContainerConfiguration,
  exposedPorts: readonly string[],
): readonly PortPublication[] {
  const { host } = configuration;
  const bound = host.portBindings.map(publicationOf);
  if (!hasOwnNetwork(configuration)) return [];
  if (!host.publishAllPorts) return bound;
  const rest = exposedPorts
    .map(parseExposedPort)
    .filter(({ port, protocol }) => !bound.some((one) => one.containerPort === port && one.protocol === protocol))
    .map(({ port, protocol }) => publicationOf({ containerPort: port, protocol, hostAddress: '', hostPort: '' }));
  return [...bound, ...rest];
}

function publicationOf({ containerPort, protocol, hostAddress, hostPort }: PortBinding): PortPublication {
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) {
    throw invalidArgument('invalid-port-binding', `invalid protocol: ${protocol as string}`);
  }
  if (!Number.isInteger(containerPort) || containerPort < 1 || containerPort > 65_535) {
    throw invalidArgument('invalid-port-binding', `invalid port specification: "${containerPort}/${protocol}"`);
  }
  if (hostAddress !== '' && isIP(hostAddress) === 0) {
    throw invalidArgument('invalid-port-binding', `invalid IP address: ${hostAddress}`);
  }
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(hostPort === '' ? '0' : hostPort);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || last < first || last > 65_535) {
    throw invalidArgument('invalid-port-binding', `invalid port specification: "${hostPort}"`);
  }
  return { protocol, containerPort, hostAddress, hostPortFirst: first, hostPortLast: last };
}
