import { isIPv4 } from 'node:net';
import { invalidArgument } from '../base/index.ts';

/** An IPv4 address as an unsigned 32-bit number. */
export type Ipv4 = number;

export interface Subnet {
  /** First address; the host part is zero. */
  readonly base: Ipv4;
  readonly prefixLength: number;
}

/** undefined when `text` is not a dotted IPv4 address. */
export function parseIpv4(text: string): Ipv4 | undefined {
  if (!isIPv4(text)) return undefined;
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

export function formatIpv4(address: Ipv4): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** Parses "172.18.0.1/16" into the address and its subnet. @throws invalid-argument `invalid-subnet` */
export function parseCidr(text: string): { readonly address: Ipv4; readonly subnet: Subnet } {
  const [host = '', length = '', ...rest] = text.split('/');
  const address = parseIpv4(host);
  const prefixLength = /^\d{1,2}$/.test(length) ? Number(length) : 33;
  if (address === undefined || prefixLength > 32 || rest.length > 0) {
    throw invalidArgument('invalid-subnet', `invalid CIDR address: ${text}`, {
      hint: 'write an IPv4 address and a prefix length, for example 172.18.0.1/16',
    });
  }
  return { address, subnet: subnetOf(address, prefixLength) };
}

export function subnetOf(address: Ipv4, prefixLength: number): Subnet {
  return { base: address - (address % subnetSize(prefixLength)), prefixLength };
}

export const subnetSize = (prefixLength: number): number => 2 ** (32 - prefixLength);

export const formatSubnet = (subnet: Subnet): string => `${formatIpv4(subnet.base)}/${subnet.prefixLength}`;

/** The last address of a subnet. */
export const broadcastAddress = (subnet: Subnet): Ipv4 => subnet.base + subnetSize(subnet.prefixLength) - 1;

export function subnetContains(subnet: Subnet, address: Ipv4): boolean {
  return address >= subnet.base && address <= broadcastAddress(subnet);
}

export function subnetsOverlap(one: Subnet, other: Subnet): boolean {
  return one.base <= broadcastAddress(other) && other.base <= broadcastAddress(one);
}

/** Docker's rule: 02:42 and the four bytes of the address, so that neighbours' ARP caches stay right when it is used again. */
export function macAddressOf(address: Ipv4): string {
  const bytes = [0x02, 0x42, ...[24, 16, 8, 0].map((shift) => (address >>> shift) & 255)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
