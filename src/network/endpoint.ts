import { isIPv4 } from 'node:net';
import { internal, invalidArgument } from '../base/index.ts';
import { type RouteNetlink, routeRequest } from '../kernel/route-netlink.ts';
import { findLink } from './bridge.ts';
import { broadcastAddress, formatIpv4, type Ipv4, parseIpv4, subnetOf } from './ipv4.ts';
import type { FreshNamespace } from './namespace-pool.ts';
import type { PortMapping } from './ruleset.ts';
import type { EndpointRecord } from './types.ts';

export const containerInterface = 'eth0';

export function addressOf(record: { readonly address: string }): Ipv4 {
  const address = parseIpv4(record.address);
  if (address === undefined) throw internal('invalid-record', `not an IPv4 address in a record: ${record.address}`);
  return address;
}

/** The ports of an endpoint that NAT carries; those at IPv6 addresses are relayed by the container's monitor. */
export function mappingsOf(endpoint: EndpointRecord): readonly PortMapping[] {
  return endpoint.ports
    .filter((port) => isIPv4(port.hostAddress))
    .map((port) => ({ ...port, containerAddress: endpoint.address }));
}

/** A unicast MAC address. @throws invalid-argument `invalid-mac-address` */
export function validateMacAddress(text: string): void {
  const valid = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text) && (Number.parseInt(text.slice(0, 2), 16) & 1) === 0;
  if (!valid || /^00(:00){5}$/.test(text)) {
    throw invalidArgument('invalid-mac-address', `invalid MAC address: ${text}`, {
      hint: 'six bytes in hexadecimal, the first one even, for example 02:42:ac:11:00:02',
    });
  }
}

/**
 * Makes the veth pair of an endpoint and sets up the container's end: two batches of messages, about 1 ms. When it throws,
 * the pair may exist; it goes with the namespace.
 */
export function connectEndpoint(
  host: RouteNetlink,
  namespace: FreshNamespace,
  endpoint: EndpointRecord,
  bridge: { readonly index: number; readonly mtu: number },
): void {
  host.request([
    routeRequest.createVeth({
      name: endpoint.hostInterface,
      bridgeIndex: bridge.index,
      mtu: bridge.mtu,
      peer: {
        name: containerInterface,
        namespace: namespace.descriptor,
        macAddress: endpoint.macAddress,
      },
    }),
    routeRequest.setHairpin(endpoint.hostInterface),
  ]);
  const { index } = namespace.route.link(containerInterface);
  const subnet = subnetOf(addressOf(endpoint), endpoint.prefixLength);
  namespace.route.request([
    routeRequest.addAddress(index, endpoint.address, endpoint.prefixLength, formatIpv4(broadcastAddress(subnet))),
    routeRequest.setUp(index),
    routeRequest.addRoute('0.0.0.0', 0, endpoint.gateway, index),
  ]);
}

/**
 * Cuts a container off whose address may be another one's in a moment: the old link must not answer for it any more.
 * It may be gone already with its namespace, or have lost its bridge.
 */
export function silenceLink(host: RouteNetlink, name: string): void {
  const index = findLink(host, name)?.index;
  if (index !== undefined) host.request([routeRequest.silence(index)], ['ENODEV', 'EINVAL', 'EOPNOTSUPP']);
}
