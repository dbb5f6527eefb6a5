import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CortenError } from '../../../src/base/index.ts';
import {
  encodeHeader,
  endOfArchive,
  paddingOf,
  type TarHeader,
  tarHeader,
  tarType,
} from '../../../src/image/tar-format.ts';
import { type TarEvent, TarReader } from '../../../src/image/tar-reader.ts';
import { TarBuilder } from '../../support/tar-builder.ts';

function read(archive: Buffer, chunkSize: number): { headers: TarHeader[]; contents: Buffer[] } {
  const reader = new TarReader();
  const events: TarEvent[] = [];
  for (let offset = 0; offset < archive.length; offset += chunkSize) {
    events.push(...reader.push(Buffer.from(archive.subarray(offset, offset + chunkSize))));
  }
  reader.finish();
  const headers: TarHeader[] = [];
  const contents: Buffer[] = [];
  for (const event of events) {
    if (event.kind === 'entry') {
      headers.push(event.header);
      contents.push(Buffer.alloc(0));
    } else if (event.kind === 'data') {
      contents.push(Buffer.concat([contents.pop() ?? Buffer.alloc(0), event.chunk]));
    }
  }
  return { headers, contents };
}

const bytes = fc
  .uint8Array({ minLength: 1, maxLength: 200 })
  .map((value) => Buffer.from(value.map((byte) => byte || 1)));

const headers: fc.Arbitrary<TarHeader> = fc.record(
  {
    name: bytes.filter((name) => name.at(-1) !== 0x2f),
    linkName: fc.oneof(fc.constant(Buffer.alloc(0)), bytes),
    type: fc.constantFrom(tarType.file, tarType.symlink, tarType.directory, tarType.character, tarType.fifo),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 0xffff_fffe }),
    gid: fc.integer({ min: 0, max: 0xffff_fffe }),
    size: fc.constant(0),
    modified: fc.record(
      {
        seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
        nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
      },
      { noNullPrototype: true },
    ),
    deviceMajor: fc.constant(0),
    deviceMinor: fc.constant(0),
    attributes: fc
      .dictionary(
        fc.stringMatching(/^user\.[a-z]{1,9}$/),
        fc.uint8Array({ maxLength: 60 }).map((value) => Buffer.from(value)),
      )
      .map((entries) => new Map(Object.entries(entries))),
  },
  { noNullPrototype: true },
);

test('what is written is read back, byte names and binary attributes included', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(headers, bytes), { maxLength: 4 }),
      fc.integer({ min: 1, max: 2000 }),
      (entries, step) => {
        const files = entries.map(([header, content]) =>
          header.type === tarType.file
            ? { header: { ...header, size: content.length }, content }
            : { header, content: Buffer.alloc(0) },
        );
        const archive = Buffer.concat([
          ...files.flatMap(({ header, content }) => [
            encodeHeader(header),
            content,
            Buffer.alloc(paddingOf(content.length)),
          ]),
          endOfArchive,
        ]);
        const result = read(archive, step);
        assert.deepEqual(
          result.headers,
          files.map(({ header }) => header),
        );
        assert.deepEqual(
          result.contents,
          files.map(({ content }) => content),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('an archive that breaks off anywhere inside is refused', () => {
  const whole = new TarBuilder()
    .file('a', 'content')
    .file(`${'long/'.repeat(40)}b`, 'y'.repeat(600))
    .unfinished();
  const boundaries = new Set([0, 1024, whole.length]);
  for (let length = 0; length < whole.length; length++) {
    if (boundaries.has(length)) continue;
    assert.throws(
      () => read(whole.subarray(0, length), 700),
      /invalid tar archive: it ends in the middle/,
      `at ${length}`,
    );
  }
});

test('arbitrary bytes give an error or entries, never anything else', () => {
  const valid = new TarBuilder().file('a', 'content').symlink('b', 'a').end();
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.nat(255), (position, value) => {
      const broken = Buffer.from(valid);
      broken[position] = value;
      try {
        read(broken, 512);
      } catch (error) {
        assert.ok(error instanceof CortenError && error.kind === 'invalid-argument');
      }
    }),
  );
});

test('a header that claims gigabytes of names is refused at once', () => {
  const header = encodeHeader(tarHeader({ name: Buffer.from('x'), type: tarType.pax, size: 2 ** 32 }));
  assert.throws(() => [...new TarReader().push(header)], /an extended header is too large/);
});

test('GNU long names and version 7 directories are understood', () => {
  const long = 'n'.repeat(300);
  const archive = new TarBuilder()
    .add('././@LongLink', tarType.gnuLongName, {}, Buffer.from(`${long}\0`))
    .file('short', 'x')
    .add('old/', tarType.oldFile)
    .end();
  const { headers: found } = read(archive, 300);
  assert.deepEqual(
    found.map(({ name, type }) => [name.toString(), type]),
    [
      [long, tarType.file],
      ['old/', tarType.directory],
    ],
  );
});

test('sparse files of GNU tar come out whole, in all of its formats', async (context) => {
  const directory = await mkdtemp('/tmp/sparse-');
  context.after(() => rm(directory, { recursive: true, force: true }));
  const content = Buffer.alloc(3_000_000);
  for (let position = 0; position < content.length - 9; position += 65_536) content.write(`at ${position}`, position);
  const file = await open(join(directory, 'sparse'), 'w');
  for (let position = 0; position < content.length - 9; position += 65_536) {
    await file.write(content, position, 12, position);
  }
  await file.truncate(content.length);
  await file.close();
  for (const format of [['--format=gnu'], ['--format=posix'], ['--format=posix', '--sparse-version=0.1']]) {
    const archive = execFileSync('tar', ['-C', directory, '-S', ...format, '-cf', '-', 'sparse'], {
      maxBuffer: 2 ** 24,
    });
    assert.ok(archive.length < 1_000_000, 'tar saw no holes');
    for (const step of [512, 10_007]) {
      const result = read(archive, step);
      assert.equal(result.headers[0]?.name.toString(), 'sparse');
      assert.equal(result.headers[0]?.size, content.length);
      assert.ok(result.contents[0]?.equals(content), format.join(' '));
    }
    assert.throws(() => [...new TarReader({ sparse: false }).push(archive)], /has no place in an image archive/);
    assert.throws(() => read(archive.subarray(0, 2000), 512), /it ends in the middle/);
  }
});
