import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { encoders, LogDirectory } from './log-fixtures.ts';

const deadlineMilliseconds = 30_000;
const origin = 1_700_000_000_000_000_000n;

/** Reads text from a stream until it has as much as was asked for. */
class TextReader {
  readonly #iterator: AsyncIterator<unknown>;
  #text = '';

  constructor(stream: Readable) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  async until(expected: string): Promise<void> {
    while (this.#text.length < expected.length) {
      const { done, value } = await this.#iterator.next();
      assert.notEqual(done, true, `the stream ended after ${JSON.stringify(this.#text)}`);
      this.#text += String(value);
    }
    assert.equal(this.#text, expected);
  }

  async end(): Promise<void> {
    assert.equal((await this.#iterator.next()).done, true);
  }
}

for (const driver of ['json-file', 'local'] as const) {
  describe(`following ${driver}`, { timeout: deadlineMilliseconds }, () => {
    const bytes = (text: string): Buffer =>
      encoders[driver]({ stream: 1, nanoseconds: origin, payload: Buffer.from(text) });

    it('shows what is written until the container ends', async () => {
      using directory = new LogDirectory();
      directory.append(bytes('0\n'));
      const ended = Promise.withResolvers<void>();
      const reader = new TextReader(
        await directory.open({ follow: true }, { driver, tty: true, ended: ended.promise }),
      );
      await reader.until('0\n');
      directory.append(bytes('1\n'));
      await reader.until('0\n1\n');
      directory.append(bytes('2\n'));
      ended.resolve();
      await reader.until('0\n1\n2\n');
      await reader.end();
    });

    it('waits for a file that is not there yet, and joins a record written in pieces', async () => {
      using directory = new LogDirectory();
      const ended = Promise.withResolvers<void>();
      const reader = new TextReader(
        await directory.open({ follow: true }, { driver, tty: true, ended: ended.promise }),
      );
      const whole = bytes('whole\n');
      directory.append(whole.subarray(0, 9));
      directory.append(whole.subarray(9));
      await reader.until('whole\n');
      ended.resolve();
      await reader.end();
      assert.deepEqual(directory.warnings, []);
    });

    it('loses nothing over rotations, several at once among them', async () => {
      using directory = new LogDirectory();
      const ended = Promise.withResolvers<void>();
      const reader = new TextReader(
        await directory.open({ follow: true }, { driver, tty: true, ended: ended.promise }),
      );
      let expected = '';
      for (let index = 0; index < 200; index += 1) {
        const text = `line ${index}\n`;
        directory.append(bytes(text));
        expected += text;
        if (index % 3 === 0) directory.rotate(20);
        // Sometimes several rotations happen before the follower gets to run.
        if (index % 10 === 0) await reader.until(expected);
      }
      ended.resolve();
      await reader.until(expected);
      await reader.end();
      assert.deepEqual(directory.warnings, []);
    });

    it('begins with the tail', async () => {
      using directory = new LogDirectory();
      directory.append(Buffer.concat(['a\n', 'b\n', 'c\n'].map(bytes)));
      const ended = Promise.withResolvers<void>();
      const reader = new TextReader(
        await directory.open({ follow: true, tail: 1 }, { driver, tty: true, ended: ended.promise }),
      );
      await reader.until('c\n');
      directory.append(bytes('d\n'));
      await reader.until('c\nd\n');
      ended.resolve();
      await reader.end();
    });

    it('ends at until although the container goes on', async () => {
      using directory = new LogDirectory();
      directory.append(bytes('a\n'));
      const untilNanoseconds = BigInt(Date.now() + 100) * 1_000_000n;
      const ended = new Promise<void>(() => undefined);
      const output = await directory.read({ follow: true, untilNanoseconds }, { driver, tty: true, ended });
      assert.equal(output.toString(), 'a\n');
    });

    it('ends when the caller aborts', async () => {
      using directory = new LogDirectory();
      directory.append(bytes('a\n'));
      const controller = new AbortController();
      const ended = new Promise<void>(() => undefined);
      const reader = new TextReader(
        await directory.open({ follow: true }, { driver, tty: true, ended, signal: controller.signal }),
      );
      await reader.until('a\n');
      controller.abort();
      await reader.end();
    });
  });
}
