import { invalidArgument, type Log } from '../base/index.ts';
import type { RouteNetlink } from '../kernel/route-netlink.ts';
import { firstFreeSubnet } from './addresses.ts';
import { findLink } from './bridge.ts';
import { broadcastAddress, type Ipv4, parseCidr, type Subnet, subnetContains, subnetsOverlap } from './ipv4.ts';
import type { NetworkSettings } from './types.ts';

export interface BridgeSubnet {
  readonly gateway: Ipv4;
  readonly subnet: Subnet;
}

/**
 * Gateway and subnet of the default bridge: the configured address, else the one of before, else the first range of the
 * pools that the host has no route to. While containers run (`inUse`) they keep their subnet.
 */
export function chooseBridgeSubnet(
  host: RouteNetlink,
  settings: NetworkSettings,
  before: BridgeSubnet | undefined,
  inUse: readonly Ipv4[],
  log: Log,
): BridgeSubnet {
  if (settings.bridgeAddress !== undefined) {
    const configured = configuredSubnet(settings.bridgeAddress);
    if (before === undefined || inUse.every((address) => subnetContains(configured.subnet, address))) return configured;
    log.warn(
      { bridgeAddress: settings.bridgeAddress },
      'containers run in the old subnet: the bridge keeps it for now',
    );
    return before;
  }
  if (before !== undefined && inUse.length > 0) return before;
  const bridge = findLink(host, settings.bridgeName);
  const taken = host
    .routes()
    .filter((route) => route.linkIndex !== bridge?.index)
    .map((route) => parseCidr(route.destination).subnet)
    // A default route, also one split in two halves as VPN clients do, overlaps everything and reserves nothing.
    .filter((subnet) => subnet.prefixLength > 1);
  if (before !== undefined && !taken.some((other) => subnetsOverlap(other, before.subnet))) return before;
  const subnet = firstFreeSubnet(settings.addressPools, taken);
  return { gateway: subnet.base + 1, subnet };
}

/** @throws invalid-argument `invalid-bridge-address` */
function configuredSubnet(text: string): BridgeSubnet {
  const { address, subnet } = parseCidr(text);
  if (subnet.prefixLength > 30 || address === subnet.base || address === broadcastAddress(subnet)) {
    throw invalidArgument('invalid-bridge-address', `${text} is not an address for a bridge`, {
      hint: 'give an address inside a subnet with room for containers, for example 172.18.0.1/16',
    });
  }
  return { gateway: address, subnet };
}
