import { closeSync, fstatSync, statSync } from 'node:fs';
import { notFound } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { openNetworkNamespace, withNetworkNamespace } from '../kernel/namespace.ts';
import { RouteNetlink } from '../kernel/route-netlink.ts';
import type { InterfaceStatistics, NetworkExplanation } from './types.ts';

/** Counters of the links in a process's network namespace, without loopback; none when it shares the host's network. */
export function readInterfaceStatistics(pid: number): readonly InterfaceStatistics[] {
  return inNamespaceOf(pid, (route, isHost) =>
    isHost
      ? []
      : route
          .links()
          .filter((link) => !link.loopback)
          .map((link) => ({ name: link.name, ...link.statistics })),
  );
}

/** Links, addresses and routes that a process has, with the other end of each veth pair on the host. */
export function explainNetwork(host: RouteNetlink, pid: number): Omit<NetworkExplanation, 'rules'> {
  const hostLinks = new Map(host.links().map((link) => [link.index, link]));
  return inNamespaceOf(pid, (route, isHost) => {
    const links = route.links();
    const addresses = route.addresses();
    const nameOf = (index: number): string => links.find((link) => link.index === index)?.name ?? String(index);
    return {
      interfaces: links.map((link) => ({
        name: link.name,
        hostPeer: isHost || link.kind !== 'veth' ? undefined : hostLinks.get(link.peerIndex)?.name,
        macAddress: link.macAddress,
        addresses: addresses
          .filter((address) => address.linkIndex === link.index)
          .map((address) => `${address.address}/${address.prefixLength}`),
        mtu: link.mtu,
      })),
      routes: route.routes().map(({ destination, gateway, linkIndex }) => ({
        destination,
        gateway,
        interface: nameOf(linkIndex),
      })),
    };
  });
}

function inNamespaceOf<T>(pid: number, work: (route: RouteNetlink, isHost: boolean) => T): T {
  const descriptor = openOrNotFound(pid);
  let route: RouteNetlink | undefined;
  try {
    const isHost = fstatSync(descriptor).ino === statSync('/proc/thread-self/ns/net').ino;
    // A netlink socket stays in the namespace that it was opened in, so only this has to happen there.
    route = withNetworkNamespace(descriptor, () => new RouteNetlink());
    return work(route, isHost);
  } finally {
    route?.close();
    closeSync(descriptor);
  }
}

function openOrNotFound(pid: number): number {
  try {
    return openNetworkNamespace(pid);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ESRCH')) throw error;
    throw notFound('process-not-found', `process ${pid} has ended`, { cause: error });
  }
}
