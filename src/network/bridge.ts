import { conflict, unavailable } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { type Link, type RouteNetlink, routeRequest } from '../kernel/route-netlink.ts';
import { writeSysctl, writeSysctlIfPresent } from '../kernel/sysctl.ts';
import { broadcastAddress, formatIpv4, type Ipv4, macAddressOf, type Subnet } from './ipv4.ts';

export interface BridgePlan {
  readonly name: string;
  readonly gateway: Ipv4;
  readonly subnet: Subnet;
  readonly mtu: number;
  /** Written on the link, so that a daemon never takes another one's bridge. */
  readonly alias: string;
}

/** Makes the bridge or repairs it; returns its link index. Called again it changes nothing that is right. */
export function ensureBridge(host: RouteNetlink, plan: BridgePlan): number {
  const link = findLink(host, plan.name) ?? createBridge(host, plan);
  if (link.kind !== 'bridge') {
    throw conflict('bridge-name-taken', `the link ${plan.name} exists and is not a bridge`, {
      hint: 'remove it or choose another name for the bridge',
    });
  }
  if (link.alias?.startsWith('corten:') === true && link.alias !== plan.alias) {
    throw conflict('bridge-name-taken', `the bridge ${plan.name} belongs to another daemon (${link.alias})`, {
      hint: 'give each daemon its own bridge',
    });
  }
  const address = formatIpv4(plan.gateway);
  const { prefixLength } = plan.subnet;
  const present = host.addresses().filter((each) => each.linkIndex === link.index);
  const isRight = (each: { address: string; prefixLength: number }): boolean =>
    each.address === address && each.prefixLength === prefixLength;
  host.request([
    routeRequest.setUp(link.index),
    ...(present.some(isRight)
      ? []
      : [routeRequest.addAddress(link.index, address, prefixLength, formatIpv4(broadcastAddress(plan.subnet)))]),
  ]);
  // Only on a bridge of our own: an administrator's bridge may have further addresses for reasons of his.
  if (link.alias === plan.alias) {
    const wrong = present.filter((each) => !isRight(each));
    if (wrong.length > 0) {
      host.request(wrong.map((each) => routeRequest.deleteAddress(link.index, each.address, each.prefixLength)));
    }
  }
  setBridgeSysctls(plan.name);
  return link.index;
}

function createBridge(host: RouteNetlink, plan: BridgePlan): Link {
  try {
    host.request([
      routeRequest.createBridge({ name: plan.name, macAddress: macAddressOf(plan.gateway), mtu: plan.mtu }),
      routeRequest.setAlias(plan.name, plan.alias),
    ]);
  } catch (error) {
    throw unavailable('bridge-failed', `the bridge ${plan.name} cannot be made`, { cause: error });
  }
  return host.link(plan.name);
}

function setBridgeSysctls(name: string): void {
  // Lets the host reach a published port by 127.0.0.1: the packet leaves by the bridge with a loopback source until it is
  // masqueraded. The table's loopback-guard closes the way that this opens for containers.
  writeSysctl(`net/ipv4/conf/${name}/route_localnet`, '1');
  // No link-local address, no router advertisements from containers on an IPv4 network (CVE-2020-13401).
  writeSysctlIfPresent(`net/ipv6/conf/${name}/disable_ipv6`, '1');
  writeSysctlIfPresent(`net/ipv6/conf/${name}/accept_ra`, '0');
}

export function findLink(host: RouteNetlink, name: string): Link | undefined {
  try {
    return host.link(name);
  } catch (error) {
    if (hasErrno(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** MTU of the link that leads outside: larger packets of containers would only be refused there. 1500 when none does. */
export function defaultMtu(host: RouteNetlink): number {
  const route = host.routes().find(({ destination }) => destination === '0.0.0.0/0');
  const link = route === undefined ? undefined : host.links().find(({ index }) => index === route.linkIndex);
  return link?.mtu ?? 1500;
}
