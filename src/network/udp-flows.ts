import { describeError, type Log } from '../base/index.ts';
import { forgetUdpFlowsOf, forgetUdpFlowsTo } from '../kernel/conntrack.ts';
import type { RouteNetlink } from '../kernel/route-netlink.ts';
import type { PortMapping } from './ruleset.ts';

const isUdp = (mapping: PortMapping): boolean => mapping.protocol === 'udp';

/** Lets clients that were sending before the port was published reach the container. */
export function forgetFlowsBefore(host: RouteNetlink, mappings: readonly PortMapping[], log: Log): void {
  for (const { hostAddress, hostPort } of mappings.filter(isUdp)) {
    const addresses = hostAddress === '0.0.0.0' ? host.addresses().map((each) => each.address) : [hostAddress];
    for (const address of addresses) attempt(log, () => forgetUdpFlowsTo(address, hostPort));
  }
}

/** Keeps clients of a container that ended from sending to the next one that gets its address. */
export function forgetFlowsAfter(mappings: readonly PortMapping[], log: Log): void {
  const containers = new Set(mappings.filter(isUdp).map((mapping) => mapping.containerAddress));
  for (const address of containers) attempt(log, () => forgetUdpFlowsOf(address));
}

/** Not worth a failed start: without it, flows end by themselves after 30 to 120 seconds of silence. */
function attempt(log: Log, work: () => void): void {
  try {
    work();
  } catch (error) {
    log.debug({ err: error }, `old UDP flows stay: ${describeError(error)}`);
  }
}
