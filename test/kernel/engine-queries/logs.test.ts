import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readLogs } from '../../../src/engine/logs.ts';
import type { LogOptions } from '../../../src/engine/types.ts';
import type { LogTarget, RunningContainer } from '../../../src/runtime/types.ts';
import { Sandbox } from '../runtime/sandbox.ts';

/** What the native monitor writes, read back while it writes it. */

const everything: LogOptions = {
  stdout: true,
  stderr: true,
  follow: true,
  timestamps: false,
  details: false,
  tail: undefined,
  sinceNanoseconds: undefined,
  untilNanoseconds: undefined,
};

interface Run {
  readonly container: RunningContainer;
  readonly path: string;
  finish(): Promise<void>;
}

let sandbox: Sandbox;
let sequence = 0;
const runs: Run[] = [];

async function start(script: string, log: Partial<LogTarget>): Promise<Run> {
  const id = `l${(sequence += 1)}`;
  const path = join(sandbox.directory, `log-${id}`);
  const stateDirectory = join(sandbox.directory, 'containers', id);
  const container = await sandbox.runtime.launch({
    id,
    configuration: sandbox.configuration(script, {}, id),
    root: { kind: 'directory', path: sandbox.rootDirectory },
    stateDirectory,
    log: { driver: 'json-file', path, maximumSize: 0, maximumFiles: 1, ...log },
    openStdin: true,
    stdinOnce: false,
    volatile: false,
    init: false,
    relays: [],
    heldDescriptors: [],
  });
  const finish = async (): Promise<void> => {
    await container.released;
    await sandbox.runtime.discard(id, stateDirectory, container.record.cgroupPath);
  };
  const run = { container, path, finish };
  runs.push(run);
  return run;
}

async function follow({ container, path }: Run, driver: LogTarget['driver'], options: Partial<LogOptions> = {}) {
  const stream = await readLogs({
    path,
    driver,
    tty: true,
    options: { ...everything, ...options },
    ended: container.exited.then(() => undefined),
    signal: AbortSignal.timeout(60_000),
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

describe('logs of real containers', { timeout: 120_000 }, () => {
  before(() => {
    sandbox = new Sandbox();
  });
  after(async () => {
    // A test that failed half way leaves its container running.
    for (const run of runs) {
      await run.container.killAll();
      await run.finish();
    }
    await sandbox.close();
  });

  for (const driver of ['json-file', 'local'] as const) {
    it(`${driver}: a follower has every line when the container has ended`, async () => {
      const run = await start('seq 1 20000; echo end >&2; printf unfinished', { driver });
      const text = await follow(run, driver);
      const lines = text.split('\n');
      assert.deepEqual(
        lines.filter((line) => /^\d+$/.test(line)),
        Array.from({ length: 20_000 }, (_, index) => String(index + 1)),
      );
      assert.ok(text.includes('end\n') && text.includes('unfinished'));
      assert.equal(
        await follow(run, driver, { tail: 1, stderr: false, follow: false }).then((tail) => tail.length > 0),
        true,
      );
    });

    it(`${driver}: a line of many records comes back whole`, async () => {
      const run = await start("head -c 100000 /dev/zero | tr '\\0' x; echo; echo after", { driver });
      assert.equal(await follow(run, driver), `${'x'.repeat(100_000)}\nafter\n`);
      assert.equal(await follow(run, driver, { tail: 2, timestamps: true }).then((text) => text.split('\n').length), 3);
    });

    it(`${driver}: nothing is lost over rotations`, async () => {
      // Slow enough for a follower on a loaded machine: the writer waits for its input before each file is full.
      const run = await start('while read n; do for i in $(seq 1 100); do echo "line $n $i"; done; done', {
        driver,
        maximumSize: 4096,
        maximumFiles: 5,
      });
      const attachment = await run.container.attach({ stdin: true, stdout: false, stderr: false });
      attachment.output.resume();
      const stream = await readLogs({
        path: run.path,
        driver,
        tty: true,
        options: everything,
        ended: run.container.exited.then(() => undefined),
        signal: AbortSignal.timeout(60_000),
      });
      const iterator = stream[Symbol.asyncIterator]();
      let expected = '';
      let text = '';
      for (let round = 1; round <= 20; round += 1) {
        attachment.input.write(`${round}\n`);
        for (let line = 1; line <= 100; line += 1) expected += `line ${round} ${line}\n`;
        while (text.length < expected.length) {
          const { done, value } = await iterator.next();
          assert.notEqual(done, true);
          text += String(value);
        }
      }
      assert.equal(text, expected);
      assert.equal(readdirSync(sandbox.directory).filter((name) => name.startsWith(basename(run.path))).length, 5);
      await run.container.killAll();
      assert.equal((await iterator.next()).done, true);
      attachment.close();
    });
  }
});
