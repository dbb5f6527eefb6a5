import { closeSync } from 'node:fs';
import { KernelError } from './kernel-error.ts';
import { check, libc } from './libc.ts';
import {
  decodeAttributes,
  decodeMessages,
  decodeString,
  encodeMessage,
  type NetlinkMessage,
} from './netlink-message.ts';

const socketCall = libc.func('int socket(int domain, int type, int protocol)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)');
const send = libc.func('intptr_t send(int fd, const void *buffer, size_t length, int flags)');
const recv = libc.func('intptr_t recv(int fd, _Out_ uint8_t *buffer, size_t length, int flags)');

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0x80003;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x1;
const NLM_F_MULTI = 0x2;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP = 0x300;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

export const netlinkProtocols = { route: 0, netfilter: 12 } as const;

/** The kernel writes at most 32 KiB into one datagram of a dump. */
const receiveBuffer = Buffer.alloc(64 * 1024);

export interface NetlinkRequest {
  /** For the message of an error, e.g. "RTM_NEWLINK corten0". */
  readonly what: string;
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/**
 * A netlink socket. It belongs to the network namespace in which it was opened, wherever it is used later.
 * The kernel answers a request before send() returns, so that these synchronous calls do not wait for anybody.
 */
export class NetlinkSocket {
  readonly descriptor: number;
  #sequence = 1;

  constructor(protocol: number) {
    this.descriptor = check('socket', socketCall(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol), 'AF_NETLINK');
    const one = new Uint32Array([1]);
    setsockopt(this.descriptor, SOL_NETLINK, NETLINK_EXT_ACK, one, 4);
    setsockopt(this.descriptor, SOL_NETLINK, NETLINK_CAP_ACK, one, 4);
    // A guard only: an answer that never comes becomes EAGAIN instead of a daemon that hangs.
    setsockopt(this.descriptor, SOL_SOCKET, SO_RCVTIMEO, new BigInt64Array([5n, 0n]), 16);
  }

  close(): void {
    closeSync(this.descriptor);
  }

  /**
   * Sends all requests in one datagram. The kernel carries out each of them, also after one has failed.
   * Throws the first KernelError; `ignore` lists errno names that count as success.
   */
  request(requests: readonly NetlinkRequest[], ignore: readonly string[] = []): void {
    const { encoded, first, last } = this.#encode(requests);
    check('send', Number(send(this.descriptor, encoded, encoded.length, 0)), 'netlink');
    this.#awaitAcknowledgement(requests, first, last, ignore);
  }

  /** Like `request` for one that the kernel may take long over (removing a link waits for RCU): on the thread pool. */
  async requestAsync(request: NetlinkRequest, ignore: readonly string[] = []): Promise<void> {
    const { encoded, first, last } = this.#encode([request]);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    send.async(this.descriptor, encoded, encoded.length, 0, (error: unknown, sent: number | bigint) => {
      if (error === null || error === undefined) resolve(Number(sent));
      else reject(new Error('send on a netlink socket failed', { cause: error }));
    });
    // The errno of a pool thread cannot be read here. Without a request there is no answer to wait for.
    if ((await promise) !== encoded.length) throw new Error(`send on a netlink socket failed for ${request.what}`);
    this.#awaitAcknowledgement([request], first, last, ignore);
  }

  /** All objects of a dump, or the answer of a single lookup when `flags` has no NLM_F_DUMP. */
  query(request: NetlinkRequest, dump: boolean): readonly NetlinkMessage[] {
    const sequence = this.#sequence++;
    const flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0) | request.flags;
    const encoded = encodeMessage({ type: request.type, flags, sequence, payload: request.payload });
    check('send', Number(send(this.descriptor, encoded, encoded.length, 0)), 'netlink');
    const answers: NetlinkMessage[] = [];
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue;
        if (message.type === NLMSG_DONE) return answers;
        if (message.type === NLMSG_ERROR) {
          throwOnError(message, request.what, []);
          return answers;
        }
        // The buffer is used again by the next recv.
        answers.push({ ...message, payload: Buffer.from(message.payload) });
        if ((message.flags & NLM_F_MULTI) === 0) return answers;
      }
    }
  }

  #encode(requests: readonly NetlinkRequest[]): { encoded: Buffer; first: number; last: number } {
    const first = this.#sequence;
    const messages = requests.map((request, index) => {
      // Errors are always answered; only the last success needs an acknowledgement.
      const acknowledge = index === requests.length - 1 ? NLM_F_ACK : 0;
      const flags = NLM_F_REQUEST | acknowledge | request.flags;
      return encodeMessage({ type: request.type, flags, sequence: this.#sequence++, payload: request.payload });
    });
    return { encoded: Buffer.concat(messages), first, last: this.#sequence - 1 };
  }

  #awaitAcknowledgement(
    requests: readonly NetlinkRequest[],
    first: number,
    last: number,
    ignore: readonly string[],
  ): void {
    let failure: unknown;
    for (;;) {
      for (const message of this.#receive()) {
        if (message.type !== NLMSG_ERROR || message.sequence < first) continue;
        try {
          throwOnError(message, requests[message.sequence - first]?.what ?? 'netlink', ignore);
        } catch (error) {
          failure ??= error;
        }
        if (message.sequence === last) {
          if (failure !== undefined) throw failure;
          return;
        }
      }
    }
  }

  #receive(): readonly NetlinkMessage[] {
    const length = check('recv', Number(recv(this.descriptor, receiveBuffer, receiveBuffer.length, 0)), 'netlink');
    return decodeMessages(receiveBuffer.subarray(0, length));
  }
}

/** NLMSG_ERROR carries a negative errno (0: acknowledged) and, with extended acknowledgements, the kernel's own words. */
function throwOnError(message: NetlinkMessage, what: string, ignore: readonly string[]): void {
  const errno = -message.payload.readInt32LE(0);
  if (errno === 0) return;
  let hint: string | undefined;
  if ((message.flags & NLM_F_ACK_TLVS) !== 0) {
    // With NETLINK_CAP_ACK only the failed message's header (16 bytes) is repeated before the attributes.
    hint = decodeString(decodeAttributes(message.payload.subarray(4 + 16)).get(NLMSGERR_ATTR_MSG));
  }
  const error = new KernelError({ call: 'netlink', errno, subject: what, hint });
  if (!ignore.includes(error.code)) throw error;
}
