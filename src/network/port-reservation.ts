import { closeSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { conflict, invalidArgument, notImplemented } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { listenIpv6, reservePort } from '../kernel/socket.ts';
import type { PortPublication, PublishedPort } from './types.ts';

export interface PortReservation {
  readonly ports: readonly PublishedPort[];
  /** Sockets that hold the IPv4 ports. */
  readonly held: readonly number[];
  /** Listening IPv6 sockets and the container's port that each leads to. */
  readonly listeners: readonly { readonly listener: number; readonly containerPort: number }[];
}

/** Another owner of a port among our own containers; tells "port is already allocated" from a stranger's socket. */
export type IsAllocated = (protocol: string, hostAddress: string, hostPort: number) => boolean;

/** How often a port that the kernel chose for IPv4 may turn out to be taken for IPv6. */
const ephemeralAttempts = 32;

/**
 * Takes every port that a container wants to publish, or none: on failure what was taken is given back.
 * @param endpoint "NAME (ID)", for Docker's wording of the error
 * @throws conflict `port-in-use`; invalid-argument `invalid-port`, `invalid-host-address`, `host-address-unavailable`;
 * not-implemented `ipv6-datagram-port`, `sctp-unavailable`
 */
export function reservePorts(
  publications: readonly PortPublication[],
  endpoint: string,
  isAllocated: IsAllocated,
): PortReservation {
  for (const publication of publications) validate(publication);
  const ports: PublishedPort[] = [];
  const held: number[] = [];
  const listeners: { listener: number; containerPort: number }[] = [];
  try {
    for (const publication of publications) {
      const taken = reserveOne(publication, endpoint, isAllocated);
      ports.push(...taken.ports);
      held.push(...taken.held);
      listeners.push(...taken.listeners);
    }
    return { ports, held, listeners };
  } catch (error) {
    releaseReservation({ ports, held, listeners });
    throw error;
  }
}

export function releaseReservation(reservation: PortReservation): void {
  for (const descriptor of reservation.held) closeSync(descriptor);
  for (const { listener } of reservation.listeners) closeSync(listener);
}

function validate(publication: PortPublication): void {
  const { containerPort, hostPortFirst: first, hostPortLast: last, hostAddress, protocol } = publication;
  const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65535;
  if (!isPort(containerPort) || containerPort === 0) {
    throw invalidArgument('invalid-port', `invalid container port: ${containerPort}`);
  }
  if (!isPort(first) || !isPort(last) || first > last || (first === 0 && last !== 0)) {
    throw invalidArgument('invalid-port', `invalid host port range: ${first}-${last}`);
  }
  if (hostAddress !== '' && isIP(hostAddress) === 0) {
    throw invalidArgument('invalid-host-address', `invalid IP address: ${hostAddress}`);
  }
  if (isIPv6(hostAddress) && protocol !== 'tcp') {
    throw notImplemented(
      'ipv6-datagram-port',
      `publishing ${protocol} ports at an IPv6 address is not supported: [${hostAddress}]`,
      { hint: 'publish at an IPv4 address, or use tcp' },
    );
  }
}

function reserveOne(publication: PortPublication, endpoint: string, isAllocated: IsAllocated): PortReservation {
  const { hostPortFirst: first, hostPortLast: last } = publication;
  if (first === 0) return reserveEphemeral(publication, endpoint);
  let failure: unknown;
  for (let port = first; port <= last; port += 1) {
    try {
      return reserveNumber(publication, port);
    } catch (error) {
      failure = error;
      if (!hasErrno(error, 'EADDRINUSE')) break;
    }
  }
  throw explainFailure(publication, endpoint, failure, isAllocated);
}

function reserveEphemeral(publication: PortPublication, endpoint: string): PortReservation {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return reserveNumber(publication, 0);
    } catch (error) {
      // The kernel's choice for IPv4 was in use for IPv6: let it choose another one.
      if (attempt < ephemeralAttempts && hasErrno(error, 'EADDRINUSE')) continue;
      throw explainFailure(publication, endpoint, error, () => false);
    }
  }
}

function reserveNumber(publication: PortPublication, wanted: number): PortReservation {
  const { protocol, containerPort, hostAddress } = publication;
  if (isIPv6(hostAddress)) {
    const { descriptor, port } = listenIpv6(hostAddress, wanted);
    return {
      ports: [{ protocol, containerPort, hostAddress, hostPort: port }],
      held: [],
      listeners: [{ listener: descriptor, containerPort }],
    };
  }
  const address = hostAddress === '' ? '0.0.0.0' : hostAddress;
  const { descriptor, port } = reservePort(protocol, address, wanted);
  const ports = [{ protocol, containerPort, hostAddress: address, hostPort: port }];
  if (hostAddress !== '' || protocol !== 'tcp') return { ports, held: [descriptor], listeners: [] };
  try {
    const { descriptor: listener } = listenIpv6('::', port);
    ports.push({ protocol, containerPort, hostAddress: '::', hostPort: port });
    return { ports, held: [descriptor], listeners: [{ listener, containerPort }] };
  } catch (error) {
    // "Every address" of a host without IPv6 is every IPv4 address.
    if (hasErrno(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL')) return { ports, held: [descriptor], listeners: [] };
    closeSync(descriptor);
    throw error;
  }
}

function explainFailure(
  publication: PortPublication,
  endpoint: string,
  error: unknown,
  isAllocated: IsAllocated,
): unknown {
  const { protocol, hostPortFirst: first, hostPortLast: last } = publication;
  const address = publication.hostAddress === '' ? '0.0.0.0' : publication.hostAddress;
  const shown = isIPv6(address) ? `[${address}]` : address;
  const prefix = `driver failed programming external connectivity on endpoint ${endpoint}: `;
  if (hasErrno(error, 'EADDRINUSE')) {
    if (first !== last) {
      return conflict('port-in-use', `${prefix}Bind for ${shown}:${first}-${last} failed: all ports are allocated`);
    }
    return isAllocated(protocol, address, first)
      ? conflict('port-in-use', `${prefix}Bind for ${shown}:${first} failed: port is already allocated`)
      : conflict(
          'port-in-use',
          `${prefix}failed to bind host port ${shown}:${first}/${protocol}: address already in use`,
        );
  }
  const what = `${prefix}failed to bind host port ${shown}:${first}/${protocol}: `;
  if (hasErrno(error, 'EADDRNOTAVAIL')) {
    return invalidArgument('host-address-unavailable', `${what}cannot assign requested address`, {
      hint: 'the host has no such address; see `ip address`',
    });
  }
  if (hasErrno(error, 'EPROTONOSUPPORT', 'ESOCKTNOSUPPORT')) {
    return notImplemented('sctp-unavailable', `${what}protocol not supported`, {
      hint: `the kernel of this host was built without ${protocol}, or its module is not loaded`,
    });
  }
  return error;
}
