import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { exportContainer } from '../../../src/engine/export.ts';
import type { Container } from '../../../src/engine/types.ts';

class Fixture implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'corten-export-'));
  readonly root = join(this.directory, 'root');
  readonly output = join(this.directory, 'output');

  constructor() {
    mkdirSync(this.root);
    mkdirSync(this.output);
  }

  export() {
    const container = { id: 'c', state: { pid: 0 } } as Container;
    return exportContainer({ snapshots: { openMerged: () => openSync(this.root, 'r') } }, container);
  }

  /** By the system's own tar. */
  async extract(): Promise<void> {
    const tar = spawn('tar', ['-x', '-p', '-f', '-', '-C', this.output], { stdio: ['pipe', 'ignore', 'inherit'] });
    const exited = once(tar, 'exit');
    await pipeline(this.export(), tar.stdin);
    assert.deepEqual((await exited)[0], 0);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe('export', { timeout: 60_000 }, () => {
  it('is an archive that tar unpacks to the same tree', async () => {
    using fixture = new Fixture();
    const { root, output } = fixture;
    const longName = `${'long-directory-name/'.repeat(12)}file`;
    mkdirSync(join(root, longName, '..'), { recursive: true });
    writeFileSync(join(root, longName), 'deep');
    mkdirSync(join(root, 'bin'));
    writeFileSync(join(root, 'bin/tool'), Buffer.alloc(700_001, 7));
    chmodSync(join(root, 'bin/tool'), 0o4755);
    linkSync(join(root, 'bin/tool'), join(root, 'bin/same'));
    symlinkSync('/bin/tool', join(root, 'link'));
    writeFileSync(join(root, 'naïve ☃'), '');
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff, 0xfe])]), 'no text');
    mkdirSync(join(root, 'empty'), { mode: 0o711 });
    utimesSync(join(root, 'bin/tool'), 5, 1_600_000_000);
    await fixture.extract();
    assert.equal(readFileSync(join(output, longName), 'utf8'), 'deep');
    assert.deepEqual(readFileSync(join(output, 'bin/tool')), Buffer.alloc(700_001, 7));
    const tool = lstatSync(join(output, 'bin/tool'));
    assert.equal(tool.mode & 0o7777, 0o4755);
    assert.equal(tool.mtimeMs, 1_600_000_000_000);
    assert.equal(lstatSync(join(output, 'bin/same')).ino, tool.ino);
    assert.equal(readlinkSync(join(output, 'link')), '/bin/tool');
    assert.equal(lstatSync(join(output, 'empty')).mode & 0o7777, 0o711);
    const names = (directory: string) =>
      readdirSync(directory, { encoding: 'buffer' }).toSorted((one, other) => Buffer.compare(one, other));
    assert.deepEqual(names(output), names(root));
  });

  it('leaves sockets out', async () => {
    using fixture = new Fixture();
    const server = createServer().listen(join(fixture.root, 'socket'));
    await once(server, 'listening');
    writeFileSync(join(fixture.root, 'file'), '');
    await fixture.extract();
    server.close();
    assert.deepEqual(readdirSync(fixture.output), ['file']);
  });

  it('stops and closes everything when the reader goes away', async () => {
    using fixture = new Fixture();
    const file = join(fixture.root, 'large');
    writeFileSync(file, '');
    // Sparse: costs nothing on the disk, but would take long to send.
    truncateSync(file, 2 ** 36);
    const before = openDescriptors();
    const stream = fixture.export();
    await once(stream, 'data');
    stream.destroy();
    await once(stream, 'close');
    const deadline = Date.now() + 30_000;
    while (openDescriptors() > before && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(openDescriptors() <= before);
  });
});
