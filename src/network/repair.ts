import { closeSync } from 'node:fs';
import { describeError, type Log } from '../base/index.ts';
import { openNetworkNamespace, withNetworkNamespace } from '../kernel/namespace.ts';
import { RouteNetlink, routeRequest } from '../kernel/route-netlink.ts';
import { connectEndpoint } from './endpoint.ts';
import type { EndpointRecord } from './types.ts';

interface Bridge {
  readonly index: number;
  readonly mtu: number;
}

/** Makes the links of these endpoints ports of the bridge again: removing a bridge leaves its ports without one. */
export function reattachLinks(host: RouteNetlink, endpoints: Iterable<EndpointRecord>, bridge: Bridge): void {
  const wanted = new Set([...endpoints].map((endpoint) => endpoint.hostInterface));
  if (wanted.size === 0) return;
  const loose = host.links().filter((link) => wanted.has(link.name) && link.master !== bridge.index);
  const requests = loose.flatMap(({ name }) => [
    routeRequest.setMaster(name, bridge.index),
    routeRequest.setHairpin(name),
  ]);
  // A container may end at any time.
  if (requests.length > 0) host.request(requests, ['ENODEV']);
}

/** Makes the links again that somebody removed from under running containers. Goes on after a failure, which is logged. */
export function restoreLinks(
  host: RouteNetlink,
  containers: readonly { readonly pid: number; readonly endpoint: EndpointRecord }[],
  bridge: Bridge,
  log: Log,
): void {
  const present = new Set(host.links().map((link) => link.name));
  for (const { pid, endpoint } of containers) {
    if (present.has(endpoint.hostInterface)) continue;
    try {
      restoreLink(host, pid, endpoint, bridge);
      log.warn({ link: endpoint.hostInterface }, 'the link of a running container was removed and has been made again');
    } catch (error) {
      log.error(
        { link: endpoint.hostInterface, err: error },
        `a container stays without network: ${describeError(error)}`,
      );
    }
  }
}

function restoreLink(host: RouteNetlink, pid: number, endpoint: EndpointRecord, bridge: Bridge): void {
  const descriptor = openNetworkNamespace(pid);
  try {
    const route = withNetworkNamespace(descriptor, () => new RouteNetlink());
    try {
      connectEndpoint(host, { descriptor, route }, endpoint, bridge);
    } finally {
      route.close();
    }
  } finally {
    closeSync(descriptor);
  }
}
