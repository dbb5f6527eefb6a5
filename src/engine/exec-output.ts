import type { Attachment } from '../runtime/types.ts';

const headerBytes = 8;

/** What a process without a terminal printed, both streams as they came, cut at `maximumBytes`; read to the end all the same. */
export async function collectOutput({ output }: Attachment, maximumBytes: number): Promise<Buffer> {
  const kept: Buffer[] = [];
  let length = 0;
  let rest = Buffer.alloc(0);
  for await (const chunk of output) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    for (;;) {
      if (rest.length < headerBytes) break;
      const end = headerBytes + rest.readUInt32BE(4);
      if (rest.length < end) break;
      const payload = rest.subarray(headerBytes, end);
      if (length < maximumBytes) kept.push(payload.subarray(0, maximumBytes - length));
      length += payload.length;
      rest = rest.subarray(end);
    }
  }
  return Buffer.concat(kept);
}
