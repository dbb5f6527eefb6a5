import assert from 'node:assert/strict';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { CortenError } from '../../../src/base/index.ts';
import {
  encoders,
  type Frame,
  jsonLine,
  LogDirectory,
  localRecord,
  parseFrames,
  type Written,
} from './log-fixtures.ts';

const origin = 1_700_000_000_000_000_000n;
const drivers = ['json-file', 'local'] as const;

const line = (text: string, index = 0, stream: 1 | 2 = 1): Written => ({
  stream,
  nanoseconds: origin + BigInt(index),
  payload: Buffer.from(text),
});

const asFrames = (records: readonly Written[]): Frame[] => records.map(({ stream, payload }) => ({ stream, payload }));

/** Lines of any text (control characters, quotes, every plane of Unicode) with times that never go back. */
const lines = fc
  .array(
    fc.record({
      text: fc.string({ unit: 'binary', maxLength: 40 }),
      stream: fc.constantFrom<1 | 2>(1, 2),
      gap: fc.bigInt(0n, 3n),
    }),
    { maxLength: 60 },
  )
  .map((entries) => {
    let nanoseconds = origin;
    return entries.map(({ text, stream, gap }): Written => {
      nanoseconds += gap;
      // Lone surrogates are no text: a process cannot write them as UTF-8.
      return { stream, nanoseconds, payload: Buffer.from(`${text.toWellFormed().replaceAll('\n', ' ')}\n`) };
    });
  });

for (const driver of drivers) {
  describe(`logs of ${driver}`, () => {
    const encode = encoders[driver];

    it('gives back every line, for any tail, period, streams and rotation', async () => {
      await fc.assert(
        fc.asyncProperty(
          lines,
          fc.option(fc.nat(70), { nil: undefined }),
          fc.option(fc.bigInt(-2n, 150n), { nil: undefined }),
          fc.option(fc.bigInt(-2n, 150n), { nil: undefined }),
          fc.tuple(fc.boolean(), fc.boolean()),
          fc.array(fc.nat(60), { maxLength: 3 }),
          async (written, tail, since, until, [stdout, stderr], rotations) => {
            using directory = new LogDirectory();
            for (const [index, record] of written.entries()) {
              if (rotations.includes(index)) directory.rotate(5);
              directory.append(encode(record));
            }
            const sinceNanoseconds = since === undefined ? undefined : origin + since;
            const untilNanoseconds = until === undefined ? undefined : origin + until;
            const expected = (tail === undefined ? written : tail === 0 ? [] : written.slice(-tail)).filter(
              ({ stream, nanoseconds }) =>
                nanoseconds >= (sinceNanoseconds ?? 0n) &&
                nanoseconds <= (untilNanoseconds ?? 2n ** 63n) &&
                (stream === 1 ? stdout : stderr),
            );
            const output = await directory.read(
              { tail, sinceNanoseconds, untilNanoseconds, stdout, stderr },
              { driver },
            );
            assert.deepEqual(parseFrames(output), asFrames(expected));
            assert.deepEqual(directory.warnings, []);
          },
        ),
        { numRuns: 150 },
      );
    });

    it('takes a tail over many blocks', async () => {
      using directory = new LogDirectory();
      const written = Array.from({ length: 30_000 }, (_, index) =>
        line(`line ${index} ${'x'.repeat(index % 90)}\n`, index),
      );
      directory.append(Buffer.concat(written.map(encode)));
      for (const tail of [0, 1, 1000, 29_999, 30_000, 40_000]) {
        const frames = parseFrames(await directory.read({ tail }, { driver }));
        assert.deepEqual(frames, asFrames(tail === 0 ? [] : written.slice(-tail)));
      }
    });

    it('counts and stamps a line of many records once', async () => {
      using directory = new LogDirectory();
      const piece = 'y'.repeat(16 * 1024);
      const written: Written[] = [line('before\n', 1), line(piece, 2), line(piece, 3), line('end\n', 4)];
      directory.append(Buffer.concat(written.map(encode)));
      const output = await directory.read({ tail: 1, timestamps: true }, { driver, tty: true });
      assert.equal(output.toString(), `2023-11-14T22:13:20.000000002Z ${piece}${piece}end\n`);
    });

    it('reads an unfinished last line as a line', async () => {
      using directory = new LogDirectory();
      directory.append(Buffer.concat([line('one\n'), line('prompt> ')].map(encode)));
      assert.equal((await directory.read({ tail: 1 }, { driver, tty: true })).toString(), 'prompt> ');
    });

    it('skips a record that was cut off, with a warning', async () => {
      using directory = new LogDirectory();
      const whole = encode(line('whole\n'));
      directory.append(Buffer.concat([whole, whole.subarray(0, whole.length - 5)]));
      assert.equal((await directory.read({}, { driver, tty: true })).toString(), 'whole\n');
      assert.equal(directory.warnings.length, 1);
    });

    it('goes on behind damage', async () => {
      using directory = new LogDirectory();
      const damage = Buffer.alloc(5000, 0);
      directory.append(Buffer.concat([encode(line('a\n')), damage, encode(line('b\n')), encode(line('c\n'))]));
      assert.equal((await directory.read({}, { driver, tty: true })).toString(), 'a\nb\nc\n');
      assert.equal((await directory.read({ tail: 2 }, { driver, tty: true })).toString(), 'b\nc\n');
      assert.ok(directory.warnings.length > 0);
    });

    it('never fails on any bytes', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ maxLength: 400 }),
          fc.option(fc.nat(5), { nil: undefined }),
          async (bytes, tail) => {
            using directory = new LogDirectory();
            writeFileSync(directory.path, bytes);
            await directory.read({ tail, timestamps: true }, { driver });
          },
        ),
        { numRuns: 200 },
      );
    });
  });
}

describe('reading logs', () => {
  it('keeps arbitrary bytes with the local driver', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 50 })), async (payloads) => {
        using directory = new LogDirectory();
        const written = payloads.map((payload, index) => ({ ...line('', index), payload: Buffer.from(payload) }));
        for (const record of written) directory.append(localRecord(record));
        assert.deepEqual(parseFrames(await directory.read({}, { driver: 'local' })), asFrames(written));
      }),
      { numRuns: 50 },
    );
  });

  it('writes timestamps and details before a line, in Docker order', async () => {
    using directory = new LogDirectory();
    directory.append(
      '{"log":"x\\n","stream":"stderr","attrs":{"tag":"a b","com":"1"},"time":"2026-01-02T03:04:05.5Z"}\n{"log":"y\\n","stream":"stdout","time":"2026-01-02T03:04:06Z"}\n',
    );
    const output = await directory.read({ timestamps: true, details: true }, { tty: true });
    assert.equal(
      output.toString(),
      '2026-01-02T03:04:05.500000000Z com=1,tag=a%20b x\n2026-01-02T03:04:06.000000000Z  y\n',
    );
  });

  it('is empty for a container that never wrote', async () => {
    using directory = new LogDirectory();
    assert.equal((await directory.read({})).length, 0);
    assert.equal((await directory.read({ tail: 10, follow: true })).length, 0);
  });

  it('refuses the driver none in the words of Docker', async () => {
    using directory = new LogDirectory();
    await assert.rejects(directory.open({}, { driver: 'none' }), (error: unknown) => {
      assert.ok(error instanceof CortenError);
      assert.equal(error.kind, 'not-implemented');
      assert.equal(error.message, 'configured logging driver does not support reading');
      return true;
    });
  });

  it('recovers the record that was written behind a torn one', async () => {
    using directory = new LogDirectory();
    directory.append('{"log":"lost to a cra');
    directory.append(jsonLine(line('kept {"log":"not a start"}\n')));
    assert.equal((await directory.read({}, { tty: true })).toString(), 'kept {"log":"not a start"}\n');
    assert.equal(directory.warnings.length, 1);
  });

  it('skips a line without end', async () => {
    using directory = new LogDirectory();
    directory.append('z'.repeat(3 << 20));
    directory.append(Buffer.concat([Buffer.from('\n'), jsonLine(line('after\n'))]));
    assert.equal((await directory.read({}, { tty: true })).toString(), 'after\n');
    assert.equal((await directory.read({ tail: 5 }, { tty: true })).toString(), 'after\n');
  });

  it('closes its files when the stream is dropped unread', async () => {
    using directory = new LogDirectory();
    directory.append(jsonLine(line('x\n')));
    const stream = await directory.open({ follow: true }, { ended: new Promise(() => undefined) });
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy();
    await closed;
    rmSync(directory.path);
  });

  it('goes on where it was when a full disk made the monitor take back half a record', async () => {
    using directory = new LogDirectory();
    directory.append(jsonLine(line('first\n')));
    const { length } = jsonLine(line('first\n'));
    const ended = Promise.withResolvers<void>();
    const stream = await directory.open({ follow: true }, { tty: true, ended: ended.promise });
    const iterator = stream[Symbol.asyncIterator]();
    assert.equal(String((await iterator.next()).value), 'first\n');
    directory.append(Buffer.concat([jsonLine(line('second\n', 1)), Buffer.from('{"log":"half')]));
    assert.equal(String((await iterator.next()).value), 'second\n');
    truncateSync(directory.path, length);
    directory.append(jsonLine(line('third\n', 2)));
    assert.equal(String((await iterator.next()).value), 'third\n');
    ended.resolve();
    assert.equal((await iterator.next()).done, true);
  });

  it('starts again when the only file is truncated', async () => {
    using directory = new LogDirectory();
    directory.append(jsonLine(line('long long long long line\n')));
    const ended = Promise.withResolvers<void>();
    const stream = await directory.open({ follow: true }, { tty: true, ended: ended.promise });
    const iterator = stream[Symbol.asyncIterator]();
    assert.equal(String((await iterator.next()).value), 'long long long long line\n');
    truncateSync(directory.path);
    directory.append(jsonLine(line('new\n', 1)));
    assert.equal(String((await iterator.next()).value), 'new\n');
    ended.resolve();
    assert.equal((await iterator.next()).done, true);
  });
});
