import { createReadStream, fstatSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { usageFailure } from '../failure.ts';
import { Meter } from '../format/meter.ts';

/** An archive from a file, or from stdin where that is no terminal; a meter shows how far it has been read. */
export function archiveInput(file: string | undefined, hint: string): Readable {
  if (file === undefined && process.stdin.isTTY)
    throw usageFailure('requested load from stdin, but stdin is a terminal', hint);
  let size: number | undefined;
  try {
    const stat = file === undefined ? fstatSync(0) : statSync(file);
    if (stat.isFile()) size = stat.size;
  } catch (error) {
    throw usageFailure(`cannot open ${file ?? 'stdin'}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const source = file === undefined ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 });
  const meter = new Meter('sent', size);
  async function* counted(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of source) {
        const bytes = Buffer.from(chunk as Uint8Array);
        meter.add(bytes.length);
        yield bytes;
      }
    } finally {
      meter.finish();
    }
  }
  return Readable.from(counted(), { objectMode: false });
}
