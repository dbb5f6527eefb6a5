import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  decodeAttributes,
  decodeMessages,
  decodeString,
  encode,
  encodeMessage,
} from '../../../src/kernel/netlink-message.ts';
import { routeRequest } from '../../../src/kernel/route-netlink.ts';

const anyBytes = fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes));

describe('netlink messages', () => {
  it('are decoded as they were encoded, many in one buffer', () => {
    const message = fc.record(
      {
        type: fc.nat({ max: 0xffff }),
        flags: fc.nat({ max: 0xffff }),
        sequence: fc.nat({ max: 0xffffffff }),
        payload: anyBytes,
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        assert.deepEqual(decodeMessages(Buffer.concat(messages.map(encodeMessage))), messages);
      }),
    );
  });

  it('keep attributes aligned to four bytes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 0x3fff })), fc.array(anyBytes), (types, values) => {
        const pairs = types.map((type, index) => [type, values[index] ?? Buffer.alloc(0)] as const);
        const encoded = Buffer.concat(pairs.map(([type, value]) => encode.bytes(type, value)));
        assert.equal(encoded.length % 4, 0);
        assert.deepEqual([...decodeAttributes(encoded)], pairs);
      }),
    );
  });

  it('nest, with the flag taken off again', () => {
    const encoded = encode.nested(18, encode.string(1, 'veth'), encode.u32(4, 1500), encode.u16be(3, 80));
    assert.equal(encoded.readUInt16LE(2), 0x8000 | 18);
    const inner = decodeAttributes(decodeAttributes(encoded).get(18) ?? Buffer.alloc(0));
    assert.equal(decodeString(inner.get(1)), 'veth');
    assert.equal(inner.get(4)?.readUInt32LE(0), 1500);
    assert.equal(inner.get(3)?.readUInt16BE(0), 80);
  });

  it('that lie about their length are refused', () => {
    const message = encodeMessage({ type: 1, flags: 0, sequence: 1, payload: Buffer.alloc(8) });
    assert.throws(() => decodeMessages(message.subarray(0, 20)), RangeError);
    message.writeUInt32LE(3, 0);
    assert.throws(() => decodeMessages(message), RangeError);
    const attribute = encode.u32(1, 1);
    attribute.writeUInt16LE(2, 0);
    assert.throws(() => decodeAttributes(attribute), RangeError);
  });

  it('never run over any buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodeMessages, decodeAttributes]) {
          try {
            decode(Buffer.from(bytes));
          } catch (error) {
            assert.ok(error instanceof RangeError);
          }
        }
      }),
    );
  });
});

describe('rtnetlink requests', () => {
  it('hold address and prefix as struct ifaddrmsg and two attributes', () => {
    const { type, payload } = routeRequest.addAddress(7, '172.17.0.2', 16, '172.17.255.255');
    assert.equal(type, 20);
    assert.deepEqual([...payload.subarray(0, 8)], [2, 16, 0, 0, 7, 0, 0, 0]);
    const attributes = decodeAttributes(payload.subarray(8));
    assert.deepEqual([...(attributes.get(2) ?? [])], [172, 17, 0, 2]);
    assert.deepEqual([...(attributes.get(4) ?? [])], [172, 17, 255, 255]);
  });

  it('leave the destination out of a default route', () => {
    const attributes = decodeAttributes(routeRequest.addRoute('0.0.0.0', 0, '172.17.0.1', 7).payload.subarray(12));
    assert.deepEqual([...attributes.keys()], [5, 4]);
  });
});
