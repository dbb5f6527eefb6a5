import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CommandFailure, usageFailure } from './failure.ts';
import { writeAll } from './format/output.ts';
import { Meter } from './format/meter.ts';

/** Writes an archive to `file`, or to stdout where that is no terminal. A file appears only when it is complete. */
export async function saveStream(open: () => Promise<Readable>, file: string | undefined): Promise<void> {
  if (file === undefined) {
    if (process.stdout.isTTY)
      throw usageFailure('cowardly refusing to save to a terminal', 'use -o FILE or redirect the output');
    for await (const chunk of await open()) writeAll(1, chunk as Uint8Array);
    return;
  }
  const stream = await open();
  const temporary = `${file}.${process.pid}.partial`;
  const meter = new Meter('saved', undefined);
  stream.on('data', (chunk: Buffer) => meter.add(chunk.length));
  try {
    await pipeline(stream, createWriteStream(temporary, { flags: 'wx', mode: 0o600 }));
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new CommandFailure(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    meter.finish();
  }
}
