import { resourceExhausted } from '../base/index.ts';
import {
  broadcastAddress,
  formatSubnet,
  type Ipv4,
  parseCidr,
  type Subnet,
  subnetOf,
  subnetSize,
  subnetsOverlap,
} from './ipv4.ts';

/**
 * The first subnet of the pools that overlaps none of `taken`.
 * @throws resource-exhausted `no-free-subnet`
 */
export function firstFreeSubnet(
  pools: readonly { readonly base: string; readonly size: number }[],
  taken: readonly Subnet[],
): Subnet {
  for (const pool of pools) {
    const { address, subnet: whole } = parseCidr(pool.base);
    const step = subnetSize(pool.size);
    // "172.17.0.0/12" begins at 172.17: Docker's own default leaves 172.16 alone.
    for (let { base } = subnetOf(address, pool.size); base + step - 1 <= broadcastAddress(whole); base += step) {
      const candidate = { base, prefixLength: pool.size };
      if (!taken.some((other) => subnetsOverlap(candidate, other))) return candidate;
    }
  }
  throw resourceExhausted('no-free-subnet', 'all predefined address pools have been fully subnetted', {
    hint: 'give the bridge an address with --bip, or other ranges with --default-address-pool',
  });
}

/** Hands out the lowest free address of a subnet. The caller keeps what is taken durably. */
export class AddressAllocator {
  readonly #subnet: Subnet;
  readonly #taken = new Set<Ipv4>();
  /** No address below it is free: keeps allocation from scanning a full subnet. */
  #lowestFree: Ipv4;

  /** @param reserved never handed out: the gateway */
  constructor(subnet: Subnet, reserved: readonly Ipv4[]) {
    this.#subnet = subnet;
    for (const address of reserved) this.#taken.add(address);
    this.#lowestFree = subnet.base + 1;
  }

  /** @throws resource-exhausted `no-free-address` */
  allocate(): Ipv4 {
    // The first address names the subnet and the last one is its broadcast.
    for (let address = this.#lowestFree; address < broadcastAddress(this.#subnet); address += 1) {
      if (this.#taken.has(address)) continue;
      this.#taken.add(address);
      this.#lowestFree = address + 1;
      return address;
    }
    throw resourceExhausted('no-free-address', `no available IPv4 addresses in ${formatSubnet(this.#subnet)}`, {
      hint: 'remove containers that are not needed, or give the bridge a larger subnet',
    });
  }

  /** Marks an address that a record from before holds. */
  take(address: Ipv4): void {
    this.#taken.add(address);
  }

  release(address: Ipv4): void {
    if (!this.#taken.delete(address)) return;
    this.#lowestFree = Math.min(this.#lowestFree, address);
  }
}
