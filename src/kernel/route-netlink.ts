import { decodeAttributes, decodeString, encode, type NetlinkMessage } from './netlink-message.ts';
import { NetlinkSocket, netlinkProtocols, type NetlinkRequest } from './netlink-socket.ts';

const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_BRIDGE = 7;

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;

const NLM_F_EXCL_CREATE = 0x600;
const NLM_F_REPLACE_CREATE = 0x500;

const IFLA = {
  address: 1,
  ifname: 3,
  mtu: 4,
  link: 5,
  master: 10,
  protinfo: 12,
  linkinfo: 18,
  ifalias: 20,
  stats64: 23,
  netNsFd: 28,
} as const;
const IFLA_INFO = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;
const VETH_INFO_PEER = 1;
const IFLA_BRPORT = { state: 1, mode: 4, flush: 24 } as const;
const BR_STATE_DISABLED = 0;
const IFA = { address: 1, local: 2, broadcast: 4 } as const;
const RTA = { dst: 1, oif: 4, gateway: 5, table: 15 } as const;

const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RTN_UNICAST = 1;
const IFF_UP = 1;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  /** "02:42:ac:11:00:02"; empty for a link without one. */
  readonly macAddress: string;
  /** Index of the bridge that it is a port of; 0 is none. */
  readonly master: number;
  /** Index of a veth's other end, in the namespace where that end lives; 0 is none. */
  readonly peerIndex: number;
  /** "veth", "bridge", …; undefined for a physical link. */
  readonly kind: string | undefined;
  readonly alias: string | undefined;
  readonly statistics: LinkStatistics;
}

export interface LinkStatistics {
  readonly receivedPackets: number;
  readonly sentPackets: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly receivedErrors: number;
  readonly sentErrors: number;
  readonly receivedDropped: number;
  readonly sentDropped: number;
}

export interface LinkAddress {
  readonly linkIndex: number;
  readonly address: string;
  readonly prefixLength: number;
}

export interface Route {
  /** "0.0.0.0/0" is the default route. */
  readonly destination: string;
  readonly gateway: string | undefined;
  readonly linkIndex: number;
}

export interface BridgeSpecification {
  readonly name: string;
  /** Fixed, so that it does not change with the ports that come and go. */
  readonly macAddress: string;
  readonly mtu: number;
}

export interface VethSpecification {
  readonly name: string;
  /** Index of the bridge that the host's end becomes a port of. */
  readonly bridgeIndex: number;
  readonly mtu: number;
  readonly peer: { readonly name: string; readonly namespace: number; readonly macAddress: string };
}

const dotted = (bytes: Buffer): string => bytes.join('.');
const dottedBytes = (address: string): Buffer => Buffer.from(address.split('.').map(Number));
const macBytes = (address: string): Buffer => Buffer.from(address.replaceAll(':', ''), 'hex');

/** struct ifinfomsg */
function linkHeader(index: number, flags: number, change: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt8(AF_UNSPEC, 0);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(change, 12);
  return header;
}

const upHeader = (index: number): Buffer => linkHeader(index, IFF_UP, IFF_UP);

/** struct ifaddrmsg */
function addressHeader(linkIndex: number, prefixLength: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(AF_INET, 0);
  header.writeUInt8(prefixLength, 1);
  header.writeUInt32LE(linkIndex, 4);
  return header;
}

/** Builders of rtnetlink(7) requests, to be sent together by RouteNetlink.request. */
export const routeRequest = {
  createBridge: (bridge: BridgeSpecification): NetlinkRequest => ({
    what: `RTM_NEWLINK ${bridge.name}`,
    type: RTM_NEWLINK,
    flags: NLM_F_EXCL_CREATE,
    payload: Buffer.concat([
      upHeader(0),
      encode.string(IFLA.ifname, bridge.name),
      encode.bytes(IFLA.address, macBytes(bridge.macAddress)),
      encode.u32(IFLA.mtu, bridge.mtu),
      encode.nested(IFLA.linkinfo, encode.string(IFLA_INFO.kind, 'bridge')),
    ]),
  }),

  /** A text that `ip link` shows. */
  setAlias: (name: string, alias: string): NetlinkRequest => ({
    what: `RTM_NEWLINK ${name}`,
    type: RTM_NEWLINK,
    flags: 0,
    payload: Buffer.concat([
      linkHeader(0, 0, 0),
      encode.string(IFLA.ifname, name),
      encode.bytes(IFLA.ifalias, Buffer.from(alias)),
    ]),
  }),

  /**
   * Both ends at once; the peer is made in its own namespace, so that it is never seen on the host. The host's end is up;
   * the peer must be set up afterwards (the kernel makes it first, and refuses to raise a veth without its other end).
   */
  createVeth: (veth: VethSpecification): NetlinkRequest => ({
    what: `RTM_NEWLINK ${veth.name}`,
    type: RTM_NEWLINK,
    flags: NLM_F_EXCL_CREATE,
    payload: Buffer.concat([
      upHeader(0),
      encode.string(IFLA.ifname, veth.name),
      encode.u32(IFLA.mtu, veth.mtu),
      encode.u32(IFLA.master, veth.bridgeIndex),
      encode.nested(
        IFLA.linkinfo,
        encode.string(IFLA_INFO.kind, 'veth'),
        encode.nested(
          IFLA_INFO.data,
          encode.bytes(
            VETH_INFO_PEER,
            Buffer.concat([
              linkHeader(0, 0, 0),
              encode.string(IFLA.ifname, veth.peer.name),
              encode.bytes(IFLA.address, macBytes(veth.peer.macAddress)),
              encode.u32(IFLA.mtu, veth.mtu),
              encode.u32(IFLA.netNsFd, veth.peer.namespace),
            ]),
          ),
        ),
      ),
    ]),
  }),

  /**
   * Lets a bridge port send a frame back to where it came from. A container that calls its own published port needs it
   * when br_netfilter is loaded: its packet is then turned round inside the bridge instead of being routed.
   */
  setHairpin: (name: string): NetlinkRequest => ({
    what: `RTM_NEWLINK ${name} hairpin`,
    type: RTM_NEWLINK,
    flags: 0,
    payload: Buffer.concat([
      linkHeader(0, 0, 0),
      encode.string(IFLA.ifname, name),
      encode.nested(
        IFLA.linkinfo,
        encode.string(IFLA_INFO.slaveKind, 'bridge'),
        encode.nested(IFLA_INFO.slaveData, encode.u8(IFLA_BRPORT.mode, 1)),
      ),
    ]),
  }),

  /**
   * Cuts a bridge port off at once, and forgets which addresses are behind it. (By the family of bridges: after the general
   * form of the request the kernel looks at the link's carrier and enables the port again.)
   */
  silence: (index: number): NetlinkRequest => {
    const header = linkHeader(index, 0, 0);
    header.writeUInt8(AF_BRIDGE, 0);
    const state = encode.u8(IFLA_BRPORT.state, BR_STATE_DISABLED);
    const flush = encode.bytes(IFLA_BRPORT.flush, Buffer.alloc(0));
    return {
      what: `RTM_SETLINK ${index} disabled`,
      type: RTM_SETLINK,
      flags: 0,
      payload: Buffer.concat([header, encode.nested(IFLA.protinfo, state, flush)]),
    };
  },

  /** Makes a link a port of a bridge. */
  setMaster: (name: string, bridgeIndex: number): NetlinkRequest => ({
    what: `RTM_NEWLINK ${name} master ${bridgeIndex}`,
    type: RTM_NEWLINK,
    flags: 0,
    payload: Buffer.concat([
      linkHeader(0, 0, 0),
      encode.string(IFLA.ifname, name),
      encode.u32(IFLA.master, bridgeIndex),
    ]),
  }),

  setUp: (index: number): NetlinkRequest => ({
    what: `RTM_NEWLINK ${index} up`,
    type: RTM_NEWLINK,
    flags: 0,
    payload: upHeader(index),
  }),

  deleteLink: (name: string): NetlinkRequest => ({
    what: `RTM_DELLINK ${name}`,
    type: RTM_DELLINK,
    flags: 0,
    payload: Buffer.concat([linkHeader(0, 0, 0), encode.string(IFLA.ifname, name)]),
  }),

  addAddress: (linkIndex: number, address: string, prefixLength: number, broadcast: string): NetlinkRequest => ({
    what: `RTM_NEWADDR ${address}/${prefixLength}`,
    type: RTM_NEWADDR,
    flags: NLM_F_REPLACE_CREATE,
    payload: Buffer.concat([
      addressHeader(linkIndex, prefixLength),
      encode.bytes(IFA.local, dottedBytes(address)),
      encode.bytes(IFA.address, dottedBytes(address)),
      encode.bytes(IFA.broadcast, dottedBytes(broadcast)),
    ]),
  }),

  deleteAddress: (linkIndex: number, address: string, prefixLength: number): NetlinkRequest => ({
    what: `RTM_DELADDR ${address}/${prefixLength}`,
    type: RTM_DELADDR,
    flags: 0,
    payload: Buffer.concat([
      addressHeader(linkIndex, prefixLength),
      encode.bytes(IFA.local, dottedBytes(address)),
      encode.bytes(IFA.address, dottedBytes(address)),
    ]),
  }),

  addRoute: (destination: string, prefixLength: number, gateway: string, linkIndex: number): NetlinkRequest => ({
    what: `RTM_NEWROUTE ${destination}/${prefixLength} via ${gateway}`,
    type: RTM_NEWROUTE,
    flags: NLM_F_EXCL_CREATE,
    payload: Buffer.concat([
      Buffer.from([AF_INET, prefixLength, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNICAST, 0, 0, 0, 0]),
      ...(prefixLength === 0 ? [] : [encode.bytes(RTA.dst, dottedBytes(destination))]),
      encode.bytes(RTA.gateway, dottedBytes(gateway)),
      encode.u32(RTA.oif, linkIndex),
    ]),
  }),
} as const;

/** rtnetlink(7) of the network namespace in which it was opened. */
export class RouteNetlink {
  readonly #socket = new NetlinkSocket(netlinkProtocols.route);

  request(requests: readonly NetlinkRequest[], ignore: readonly string[] = []): void {
    this.#socket.request(requests, ignore);
  }

  links(): readonly Link[] {
    const payload = linkHeader(0, 0, 0);
    return this.#socket.query({ what: 'RTM_GETLINK', type: RTM_GETLINK, flags: 0, payload }, true).map(decodeLink);
  }

  /** ENODEV when there is none of this name. */
  link(name: string): Link {
    const payload = Buffer.concat([linkHeader(0, 0, 0), encode.string(IFLA.ifname, name)]);
    const what = `RTM_GETLINK ${name}`;
    const [message] = this.#socket.query({ what, type: RTM_GETLINK, flags: 0, payload }, false);
    if (message === undefined) throw new Error(`no answer to ${what}`);
    return decodeLink(message);
  }

  /** IPv4 only. */
  addresses(): readonly LinkAddress[] {
    const payload = Buffer.alloc(8);
    payload.writeUInt8(AF_INET, 0);
    const request = { what: 'RTM_GETADDR', type: RTM_GETADDR, flags: 0, payload };
    return this.#socket.query(request, true).flatMap((message) => {
      const attributes = decodeAttributes(message.payload.subarray(8));
      const address = attributes.get(IFA.local) ?? attributes.get(IFA.address);
      if (address === undefined) return [];
      return [
        {
          linkIndex: message.payload.readUInt32LE(4),
          address: dotted(address),
          prefixLength: message.payload.readUInt8(1),
        },
      ];
    });
  }

  /** IPv4 routes of the main table. */
  routes(): readonly Route[] {
    const payload = Buffer.alloc(12);
    payload.writeUInt8(AF_INET, 0);
    const request = { what: 'RTM_GETROUTE', type: RTM_GETROUTE, flags: 0, payload };
    return this.#socket.query(request, true).flatMap((message) => {
      const attributes = decodeAttributes(message.payload.subarray(12));
      const table = attributes.get(RTA.table)?.readUInt32LE(0) ?? message.payload.readUInt8(4);
      if (table !== RT_TABLE_MAIN) return [];
      const destination = attributes.get(RTA.dst);
      const gateway = attributes.get(RTA.gateway);
      return [
        {
          destination: `${destination === undefined ? '0.0.0.0' : dotted(destination)}/${message.payload.readUInt8(1)}`,
          gateway: gateway === undefined ? undefined : dotted(gateway),
          linkIndex: attributes.get(RTA.oif)?.readUInt32LE(0) ?? 0,
        },
      ];
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** Removes a link of the host on the thread pool: the kernel waits for RCU. Succeeds when it is gone already. */
export async function deleteLink(name: string): Promise<void> {
  // A socket of its own: answers to requests of others that run meanwhile must not be mixed up.
  const socket = new NetlinkSocket(netlinkProtocols.route);
  try {
    await socket.requestAsync(routeRequest.deleteLink(name), ['ENODEV']);
  } finally {
    socket.close();
  }
}

function decodeLink(message: NetlinkMessage): Link {
  const attributes = decodeAttributes(message.payload.subarray(16));
  const flags = message.payload.readUInt32LE(8);
  const info = attributes.get(IFLA.linkinfo);
  const infoAttributes = info === undefined ? undefined : decodeAttributes(info);
  const mac = attributes.get(IFLA.address);
  return {
    index: message.payload.readInt32LE(4),
    name: decodeString(attributes.get(IFLA.ifname)) ?? '',
    up: (flags & IFF_UP) !== 0,
    loopback: (flags & 8) !== 0,
    mtu: attributes.get(IFLA.mtu)?.readUInt32LE(0) ?? 0,
    macAddress: mac === undefined ? '' : (mac.toString('hex').match(/../g) ?? []).join(':'),
    master: attributes.get(IFLA.master)?.readUInt32LE(0) ?? 0,
    peerIndex: attributes.get(IFLA.link)?.readUInt32LE(0) ?? 0,
    kind: decodeString(infoAttributes?.get(IFLA_INFO.kind)),
    alias: decodeString(attributes.get(IFLA.ifalias)),
    statistics: decodeStatistics(attributes.get(IFLA.stats64)),
  };
}

/** struct rtnl_link_stats64. Number loses precision above 2^53 bytes, 8 PiB. */
function decodeStatistics(value: Buffer | undefined): LinkStatistics {
  const field = (index: number): number =>
    value === undefined || value.length < index * 8 + 8 ? 0 : Number(value.readBigUInt64LE(index * 8));
  return {
    receivedPackets: field(0),
    sentPackets: field(1),
    receivedBytes: field(2),
    sentBytes: field(3),
    receivedErrors: field(4),
    sentErrors: field(5),
    receivedDropped: field(6),
    sentDropped: field(7),
  };
}
