import { encode } from './netlink-message.ts';
import { NetlinkSocket, netlinkProtocols } from './netlink-socket.ts';

const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_DELETE = (NFNL_SUBSYS_CTNETLINK << 8) | 2;
const NFPROTO_IPV4 = 2;

const CTA = { tupleOriginal: 1, tupleReply: 2, filter: 25 } as const;
const CTA_TUPLE = { ip: 1, protocol: 2 } as const;
const CTA_IP = { v4Source: 1, v4Destination: 2 } as const;
const CTA_PROTO = { number: 1, destinationPort: 3 } as const;
const CTA_FILTER = { originalFlags: 1, replyFlags: 2 } as const;
/** Which parts of a tuple count (include/net/netfilter of the kernel; not in its user-space headers). */
const FILTER_FLAG = { ipSource: 1 << 0, ipDestination: 1 << 1, protocol: 1 << 3, destinationPort: 1 << 5 } as const;

const IPPROTO_UDP = 17;

const addressBytes = (address: string): Buffer => Buffer.from(address.split('.').map(Number));

function deleteFlows(what: string, ...attributes: readonly Buffer[]): void {
  const socket = new NetlinkSocket(netlinkProtocols.netfilter);
  try {
    const payload = Buffer.concat([Buffer.from([NFPROTO_IPV4, 0, 0, 0]), ...attributes]);
    socket.request([{ what, type: IPCTNL_MSG_CT_DELETE, flags: 0, payload }], ['ENOENT']);
  } finally {
    socket.close();
  }
}

/**
 * Forgets UDP flows that were sent to an address and port of this host. NAT decides at a flow's first packet only: a
 * client that sent before the port was published would never reach the container. The kernel looks through its whole table.
 * @throws KernelError on kernels that cannot delete by a filter (before 5.19)
 */
export function forgetUdpFlowsTo(address: string, port: number): void {
  const { ipDestination, protocol, destinationPort } = FILTER_FLAG;
  deleteFlows(
    `flows to ${address}:${port}/udp`,
    encode.nested(
      CTA.tupleOriginal,
      encode.nested(CTA_TUPLE.ip, encode.bytes(CTA_IP.v4Destination, addressBytes(address))),
      encode.nested(
        CTA_TUPLE.protocol,
        encode.u8(CTA_PROTO.number, IPPROTO_UDP),
        encode.u16be(CTA_PROTO.destinationPort, port),
      ),
    ),
    encode.nested(CTA.filter, encode.u32(CTA_FILTER.originalFlags, ipDestination | protocol | destinationPort)),
  );
}

/** Forgets UDP flows that a container answered: its address may soon be another one's. Throws like forgetUdpFlowsTo. */
export function forgetUdpFlowsOf(containerAddress: string): void {
  const { ipSource, protocol } = FILTER_FLAG;
  deleteFlows(
    `flows of ${containerAddress}/udp`,
    encode.nested(
      CTA.tupleReply,
      encode.nested(CTA_TUPLE.ip, encode.bytes(CTA_IP.v4Source, addressBytes(containerAddress))),
      encode.nested(CTA_TUPLE.protocol, encode.u8(CTA_PROTO.number, IPPROTO_UDP)),
    ),
    encode.nested(CTA.filter, encode.u32(CTA_FILTER.replyFlags, ipSource | protocol)),
  );
}
