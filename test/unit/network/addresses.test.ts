import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { AddressAllocator, firstFreeSubnet } from '../../../src/network/addresses.ts';
import {
  broadcastAddress,
  formatIpv4,
  formatSubnet,
  macAddressOf,
  parseCidr,
  parseIpv4,
  subnetContains,
  subnetOf,
  subnetsOverlap,
} from '../../../src/network/ipv4.ts';

const anyAddress = fc.nat({ max: 0xffffffff });
const anySubnet = fc
  .tuple(anyAddress, fc.integer({ min: 0, max: 32 }))
  .map(([address, length]) => subnetOf(address, length));

describe('IPv4 arithmetic', () => {
  it('formats what it parses', () => {
    fc.assert(fc.property(anyAddress, (address) => parseIpv4(formatIpv4(address)) === address));
    fc.assert(
      fc.property(anySubnet, (subnet) => {
        assert.deepEqual(parseCidr(formatSubnet(subnet)).subnet, subnet);
      }),
    );
  });

  it('keeps the host part of a CIDR address', () => {
    const { address, subnet } = parseCidr('172.18.0.1/16');
    assert.equal(formatIpv4(address), '172.18.0.1');
    assert.equal(formatSubnet(subnet), '172.18.0.0/16');
    assert.equal(formatIpv4(broadcastAddress(subnet)), '172.18.255.255');
  });

  it('refuses what is no CIDR address', () => {
    for (const text of [
      '',
      '10.0.0.1',
      '10.0.0.1/',
      '10.0.0.1/33',
      '10.0.0/8',
      '::1/64',
      '10.0.0.1/8/8',
      '10.0.0.1/-1',
      '10.0.0.1/1e1',
    ]) {
      assert.throws(() => parseCidr(text), { code: 'invalid-subnet' }, text);
    }
  });

  it('finds an overlap exactly when one subnet holds the first address of the other', () => {
    fc.assert(
      fc.property(anySubnet, anySubnet, (one, other) => {
        const expected = subnetContains(one, other.base) || subnetContains(other, one.base);
        assert.equal(subnetsOverlap(one, other), expected);
      }),
    );
  });

  it('derives the MAC address as Docker does', () => {
    assert.equal(macAddressOf(parseIpv4('172.17.0.2') ?? 0), '02:42:ac:11:00:02');
  });
});

describe('firstFreeSubnet', () => {
  const pools = [
    { base: '172.17.0.0/16', size: 16 },
    { base: '192.168.0.0/16', size: 20 },
  ];
  const subnet = (text: string) => parseCidr(text).subnet;

  it('goes through the pools in order', () => {
    assert.equal(formatSubnet(firstFreeSubnet(pools, [])), '172.17.0.0/16');
    assert.equal(formatSubnet(firstFreeSubnet(pools, [subnet('172.16.0.0/12')])), '192.168.0.0/20');
    assert.equal(
      formatSubnet(firstFreeSubnet(pools, [subnet('172.17.5.0/24'), subnet('192.168.1.0/24')])),
      '192.168.16.0/20',
    );
  });

  it('begins where the base of a pool says', () => {
    const pool = [{ base: '172.17.0.0/12', size: 16 }];
    assert.equal(formatSubnet(firstFreeSubnet(pool, [])), '172.17.0.0/16');
    assert.equal(formatSubnet(firstFreeSubnet(pool, [subnet('172.17.0.0/16')])), '172.18.0.0/16');
    assert.throws(() => firstFreeSubnet(pool, [subnet('172.16.0.0/12')]), { code: 'no-free-subnet' });
  });

  it('says that none is left', () => {
    assert.throws(() => firstFreeSubnet(pools, [subnet('0.0.0.0/0')]), { code: 'no-free-subnet' });
  });

  it('never overlaps what is taken', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 0xffff }), fc.integer({ min: 16, max: 30 }))), (entries) => {
        const taken = entries.map(([low, length]) => subnetOf(0xc0a80000 + low, length));
        try {
          const found = firstFreeSubnet(pools.slice(1), taken);
          assert.ok(taken.every((other) => !subnetsOverlap(found, other)));
        } catch (error) {
          assert.ok(error instanceof Error && error.message.includes('fully subnetted'));
        }
      }),
    );
  });
});

describe('AddressAllocator', () => {
  const create = (prefixLength: number): { allocator: AddressAllocator; base: number } => {
    const base = parseIpv4('10.0.0.0') ?? 0;
    return { allocator: new AddressAllocator({ base, prefixLength }, [base + 1]), base };
  };

  it('skips network, gateway and broadcast, and says when it is full', () => {
    const { allocator, base } = create(29);
    const all = Array.from({ length: 5 }, () => allocator.allocate() - base);
    assert.deepEqual(all, [2, 3, 4, 5, 6]);
    assert.throws(() => allocator.allocate(), { code: 'no-free-address' });
    allocator.release(base + 4);
    assert.equal(allocator.allocate() - base, 4);
  });

  it('always gives the lowest free address: against a model', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'allocate' } as const),
      fc.record({ kind: fc.constant('release' as const), offset: fc.integer({ min: 2, max: 30 }) }),
      fc.record({ kind: fc.constant('take' as const), offset: fc.integer({ min: 2, max: 30 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { allocator, base } = create(27);
        const taken = new Set<number>();
        for (const each of steps) {
          if (each.kind === 'release') {
            allocator.release(base + each.offset);
            taken.delete(each.offset);
          } else if (each.kind === 'take') {
            allocator.take(base + each.offset);
            taken.add(each.offset);
          } else {
            const expected = Array.from({ length: 29 }, (_, index) => index + 2).find((offset) => !taken.has(offset));
            if (expected === undefined) {
              assert.throws(() => allocator.allocate(), { code: 'no-free-address' });
              continue;
            }
            assert.equal(allocator.allocate() - base, expected);
            taken.add(expected);
          }
        }
      }),
    );
  });
});
