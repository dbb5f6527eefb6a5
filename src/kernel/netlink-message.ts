/**
 * Encoding and decoding of netlink messages: a 16-byte header, a family header and nested attributes, all in host byte
 * order (netlink(7)). Every machine that Node supports with a Linux container kernel is little-endian.
 */
const headerLength = 16;
const attributeHeaderLength = 4;
/** The two top bits of an attribute's type are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER), not its number. */
const attributeTypeMask = 0x3fff;
const nestedFlag = 0x8000;

const align = (length: number): number => (length + 3) & ~3;

export type NetlinkAttribute = readonly [type: number, value: Buffer];

function attribute(type: number, value: Buffer): Buffer {
  const encoded = Buffer.alloc(align(attributeHeaderLength + value.length));
  encoded.writeUInt16LE(attributeHeaderLength + value.length, 0);
  encoded.writeUInt16LE(type, 2);
  value.copy(encoded, attributeHeaderLength);
  return encoded;
}

/** Encoders of attributes by the kernel's own names of their types. */
export const encode = {
  bytes: attribute,
  u8: (type: number, value: number): Buffer => attribute(type, Buffer.from([value])),
  u16be: (type: number, value: number): Buffer => {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16BE(value);
    return attribute(type, bytes);
  },
  u32: (type: number, value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return attribute(type, bytes);
  },
  /** NUL-terminated. */
  string: (type: number, value: string): Buffer => attribute(type, Buffer.from(`${value}\0`, 'utf8')),
  nested: (type: number, ...children: readonly Buffer[]): Buffer =>
    attribute(type | nestedFlag, Buffer.concat(children)),
} as const;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Family header and attributes. */
  readonly payload: Buffer;
}

export function encodeMessage(message: NetlinkMessage): Buffer {
  const length = headerLength + message.payload.length;
  const encoded = Buffer.alloc(align(length));
  encoded.writeUInt32LE(length, 0);
  encoded.writeUInt16LE(message.type, 4);
  encoded.writeUInt16LE(message.flags, 6);
  encoded.writeUInt32LE(message.sequence, 8);
  message.payload.copy(encoded, headerLength);
  return encoded;
}

/** Splits what one recv() returned. Throws a RangeError when a length points outside the buffer. */
export function decodeMessages(buffer: Buffer): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let offset = 0; offset + headerLength <= buffer.length; ) {
    const length = buffer.readUInt32LE(offset);
    if (length < headerLength || offset + length > buffer.length) throw new RangeError('truncated netlink message');
    messages.push({
      type: buffer.readUInt16LE(offset + 4),
      flags: buffer.readUInt16LE(offset + 6),
      sequence: buffer.readUInt32LE(offset + 8),
      payload: buffer.subarray(offset + headerLength, offset + length),
    });
    offset += align(length);
  }
  return messages;
}

/** Attributes by type. Of a repeated type the last one counts, as in the kernel's own parser. */
export function decodeAttributes(buffer: Buffer): ReadonlyMap<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let offset = 0; offset + attributeHeaderLength <= buffer.length; ) {
    const length = buffer.readUInt16LE(offset);
    if (length < attributeHeaderLength || offset + length > buffer.length) {
      throw new RangeError('truncated netlink attribute');
    }
    const type = buffer.readUInt16LE(offset + 2) & attributeTypeMask;
    attributes.set(type, buffer.subarray(offset + attributeHeaderLength, offset + length));
    offset += align(length);
  }
  return attributes;
}

export function decodeString(value: Buffer | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end === -1 ? value.length : end);
}
