import { decodeAttributes, encode } from './netlink-message.ts';
import { NetlinkSocket, netlinkProtocols } from './netlink-socket.ts';

const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETRULE = (NFNL_SUBSYS_NFTABLES << 8) | 7;
const NFT_MSG_GETGEN = (NFNL_SUBSYS_NFTABLES << 8) | 16;
const NFTA_GEN_ID = 1;
const NFTA_RULE_TABLE = 1;
const NFPROTO_UNSPEC = 0;
const NFPROTO_IPV4 = 2;

/** struct nfgenmsg */
const familyHeader = (family: number): Buffer => Buffer.from([family, 0, 0, 0]);

/**
 * Tells cheaply (about 0.02 ms) whether anybody changed any nftables rule: the kernel counts committed transactions.
 * The answer to "what changed" needs libnftables; this is for asking often.
 */
export class NftablesGeneration {
  readonly #socket = new NetlinkSocket(netlinkProtocols.netfilter);

  /** Goes up by one with each transaction of anyone in this network namespace. */
  current(): number {
    const request = { what: 'NFT_MSG_GETGEN', type: NFT_MSG_GETGEN, flags: 0, payload: familyHeader(NFPROTO_UNSPEC) };
    const [answer] = this.#socket.query(request, false);
    const id = answer === undefined ? undefined : decodeAttributes(answer.payload.subarray(4)).get(NFTA_GEN_ID);
    if (id === undefined) throw new Error('no generation in the answer of nf_tables');
    return id.readUInt32BE(0);
  }

  /** Rules in all chains of an IPv4 table; 0 when it does not exist. */
  countRules(table: string): number {
    const payload = Buffer.concat([familyHeader(NFPROTO_IPV4), encode.string(NFTA_RULE_TABLE, table)]);
    return this.#socket.query({ what: 'NFT_MSG_GETRULE', type: NFT_MSG_GETRULE, flags: 0, payload }, true).length;
  }

  close(): void {
    this.#socket.close();
  }
}
