import { closeSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { hasErrno } from './kernel-error.ts';
import { check, libc } from './libc.ts';

const socketCall = libc.func('int socket(int domain, int type, int protocol)');
const bindCall = libc.func('int bind(int fd, const void *address, uint32_t length)');
const listenCall = libc.func('int listen(int fd, int backlog)');
const shutdownCall = libc.func('int shutdown(int fd, int how)');
const getsockname = libc.func('int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)');
const inetPton = libc.func('int inet_pton(int family, const char *text, _Out_ uint8_t *address)');

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SHUT_RD = 0;

/** Connections that may wait for accept(); the kernel lowers it to net.core.somaxconn. */
const backlog = 4096;

const protocols = {
  tcp: { type: SOCK_STREAM, number: 6 },
  udp: { type: SOCK_DGRAM, number: 17 },
  sctp: { type: SOCK_STREAM, number: 132 },
} as const;

export interface BoundSocket {
  /** Close-on-exec. */
  readonly descriptor: number;
  readonly port: number;
}

/**
 * Takes a port of the host so that nobody else can bind it, without ever receiving on it: what arrives is rewritten by
 * NAT before a socket is looked for, and is refused while the NAT rule is missing.
 * @param address IPv4; 0.0.0.0 is every address
 * @param port 0 lets the kernel choose
 * @throws KernelError EADDRINUSE, EADDRNOTAVAIL, EACCES; EPROTONOSUPPORT when the kernel has no SCTP
 */
export function reservePort(protocol: keyof typeof protocols, address: string, port: number): BoundSocket {
  if (port === 0) return reserveAnyPort(protocol, address);
  const { type, number } = protocols[protocol];
  return bound(AF_INET, type, number, address, port, (descriptor, subject) => {
    if (protocol === 'udp') {
      setOption(descriptor, SOL_SOCKET, SO_RCVBUF, 0);
      return;
    }
    // A bound TCP socket that was never listening does not conflict with another one that has SO_REUSEADDR, and without
    // that option bind() fails for a minute after a server left. So: bind with it, listen (which takes the port
    // exclusively), stop listening (which keeps the port) and withdraw the option, so that every other bind fails.
    check('listen', listenCall(descriptor, 0), subject);
    check('shutdown', shutdownCall(descriptor, SHUT_RD), subject);
    setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 0);
  });
}

/** A socket that was bound to port 0 loses the port when it stops listening: so find a free one, then take it by number. */
function reserveAnyPort(protocol: keyof typeof protocols, address: string): BoundSocket {
  const { type, number } = protocols[protocol];
  for (let attempt = 1; ; attempt += 1) {
    const free = bound(AF_INET, type, number, address, 0, () => undefined);
    closeSync(free.descriptor);
    try {
      return reservePort(protocol, address, free.port);
    } catch (error) {
      // Somebody else took it in between.
      if (attempt === 16 || !hasErrno(error, 'EADDRINUSE')) throw error;
    }
  }
}

/** A listening TCP socket on an IPv6 address (`::` is every one), which leaves the port's IPv4 side alone. */
export function listenIpv6(address: string, port: number): BoundSocket {
  return bound(AF_INET6, protocols.tcp.type, protocols.tcp.number, address, port, (descriptor, subject) => {
    check('listen', listenCall(descriptor, backlog), subject);
  });
}

function bound(
  family: number,
  type: number,
  protocol: number,
  address: string,
  port: number,
  finish: (descriptor: number, subject: string) => void,
): BoundSocket {
  const subject = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  const descriptor = check('socket', socketCall(family, type | SOCK_CLOEXEC, protocol), subject);
  try {
    if (type === SOCK_STREAM) setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family === AF_INET6) setOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    const encoded = encodeSocketAddress(family, address, port);
    check('bind', bindCall(descriptor, encoded, encoded.length), subject);
    finish(descriptor, subject);
    return { descriptor, port: boundPort(descriptor) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function setOption(descriptor: number, level: number, name: number, value: number): void {
  check('setsockopt', setsockopt(descriptor, level, name, new Int32Array([value]), 4));
}

/** struct sockaddr_in or sockaddr_in6: family in host order, port in network order. */
function encodeSocketAddress(family: number, address: string, port: number): Buffer {
  const encoded = Buffer.alloc(family === AF_INET ? 16 : 28);
  encoded.writeUInt16LE(family, 0);
  encoded.writeUInt16BE(port, 2);
  const bytes = new Uint8Array(16);
  if (inetPton(family, address, bytes) !== 1) throw new TypeError(`not an IP address: ${address}`);
  encoded.set(family === AF_INET ? bytes.subarray(0, 4) : bytes, family === AF_INET ? 4 : 8);
  return encoded;
}

function boundPort(descriptor: number): number {
  const address = Buffer.alloc(28);
  check('getsockname', getsockname(descriptor, address, [address.length]));
  return address.readUInt16BE(2);
}
