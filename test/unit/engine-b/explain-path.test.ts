import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CortenError } from '../../../src/base/index.ts';
import { explainPath, type PathSources } from '../../../src/engine/explain-path.ts';
import type { Container, MountPoint } from '../../../src/engine/types.ts';
import { Root } from '../../../src/kernel/index.ts';

/** A stopped container of two image layers; `merged` is written by hand as the overlay would show it. */
class Fixture implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'corten-explain-'));
  readonly layers = [
    { directory: join(this.directory, 'layer2'), diffId: 'sha256:two' },
    { directory: join(this.directory, 'layer1'), diffId: 'sha256:one' },
  ];

  constructor() {
    for (const name of ['merged', 'upper', 'layer2', 'layer1']) mkdirSync(join(this.directory, name));
  }

  /** Makes a file of these layers. */
  write(path: string, ...trees: readonly string[]): void {
    for (const tree of trees) {
      mkdirSync(join(this.directory, tree, path, '..'), { recursive: true });
      writeFileSync(join(this.directory, tree, path), tree);
    }
  }

  link(target: string, path: string, ...trees: readonly string[]): void {
    for (const tree of trees) {
      mkdirSync(join(this.directory, tree, path, '..'), { recursive: true });
      symlinkSync(target, join(this.directory, tree, path));
    }
  }

  whiteout(path: string, tree: string): void {
    using root = Root.open(join(this.directory, tree));
    root.makeDirectories(join(path, '..'));
    root.makeNode(path, 0o020000, 0n);
  }

  explain(path: string, sources: Partial<PathSources> = {}) {
    const container = { id: 'c', state: { pid: 0 } } as Container;
    return explainPath(
      container,
      path,
      { openMerged: () => openSync(join(this.directory, 'merged'), 'r') },
      { layers: this.layers, upper: join(this.directory, 'upper'), mounts: undefined, mountPoints: [], ...sources },
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}

const volume: MountPoint = {
  type: 'volume',
  name: 'data',
  source: '/volumes/data/_data',
  target: '/var/lib/data',
  readOnly: true,
  propagation: '',
  recursive: true,
  options: [],
  mode: '',
};

describe('where a file comes from', () => {
  it('names the topmost image layer that has it', () => {
    using fixture = new Fixture();
    fixture.write('/etc/both', 'merged', 'layer2', 'layer1');
    fixture.write('/etc/low', 'merged', 'layer1');
    const both = fixture.explain('/etc/both');
    assert.equal(both.origin, 'image-layer');
    assert.equal(both.layer, 'sha256:two');
    assert.match(both.detail, /^image layer 2 of 2 \(.*layer2\), covers 1 below$/);
    assert.equal(fixture.explain('/etc/low').layer, 'sha256:one');
    assert.match(fixture.explain('/etc').detail, /^image layer 2 of 2 .*merged with 1 more below$/);
  });

  it('tells what the container made from what it changed', () => {
    using fixture = new Fixture();
    fixture.write('/new', 'merged', 'upper');
    fixture.write('/changed', 'merged', 'upper', 'layer1');
    assert.deepEqual(fixture.explain('/new'), {
      path: '/new',
      origin: 'writable-layer',
      detail: 'made by the container',
    });
    assert.match(fixture.explain('/changed').detail, /^changed by the container/);
  });

  it('follows links as a process in the container would', () => {
    using fixture = new Fixture();
    fixture.write('/usr/bin/dash', 'merged', 'layer1');
    fixture.link('/usr/bin', '/bin', 'merged', 'layer2');
    fixture.link('dash', '/usr/bin/sh', 'merged', 'layer2');
    const answer = fixture.explain('/bin/../bin/sh');
    assert.equal(answer.path, '/bin/sh');
    assert.equal(answer.layer, 'sha256:one');
    assert.match(answer.detail, /\(\/bin\/sh leads to \/usr\/bin\/dash\)$/);
  });

  it('never leaves the root, whatever links a layer holds', () => {
    using fixture = new Fixture();
    fixture.link('/../../../../etc', '/escape', 'merged', 'layer1');
    fixture.link('/etc', '/a', 'layer1');
    fixture.write('/a/passwd', 'merged', 'upper');
    assert.equal(fixture.explain('/escape/passwd').origin, 'missing');
    // In the lower layer /a is a link to a directory that has the file on the host: it must not count.
    assert.equal(fixture.explain('/a/passwd').detail, 'made by the container');
  });

  it('knows what was deleted, and by whom', () => {
    using fixture = new Fixture();
    fixture.write('/gone', 'layer1');
    fixture.whiteout('/gone', 'upper');
    fixture.write('/dropped', 'layer1');
    fixture.whiteout('/dropped', 'layer2');
    assert.deepEqual(fixture.explain('/gone'), {
      path: '/gone',
      origin: 'missing',
      layer: 'sha256:one',
      detail: 'deleted by the container; image layer sha256:one still holds it',
    });
    assert.match(fixture.explain('/dropped').detail, /^deleted by image layer sha256:two;/);
    assert.equal(fixture.explain('/never').detail, 'no such file or directory');
  });

  it('names the mount that covers a path', () => {
    using fixture = new Fixture();
    fixture.write('/var/lib/data/file', 'merged', 'layer1');
    fixture.write('/var/lib/database', 'merged', 'layer1');
    const answer = fixture.explain('/var/lib/data/file', { mountPoints: [volume] });
    assert.equal(answer.origin, 'mount');
    assert.equal(answer.detail, 'volume data (/volumes/data/_data) mounted at /var/lib/data, read-only');
    assert.equal(fixture.explain('/var/lib/data/unseen', { mountPoints: [volume] }).origin, 'mount');
    assert.equal(fixture.explain('/var/lib/database', { mountPoints: [volume] }).origin, 'image-layer');
  });

  it('takes the mount table of a running container, the last of mounts on top of each other', () => {
    using fixture = new Fixture();
    fixture.write('/proc/sys/kernel', 'merged');
    const entry = { device: '0:1', root: '/', options: 'rw', superOptions: 'rw' };
    const mounts = [
      { ...entry, target: '/', type: 'overlay', source: 'overlay' },
      { ...entry, target: '/proc', type: 'proc', source: 'proc' },
      { ...entry, target: '/proc', type: 'tmpfs', source: 'mask', root: '/part' },
    ];
    assert.equal(fixture.explain('/proc/sys/kernel', { mounts }).detail, 'tmpfs mask[/part] mounted at /proc');
  });

  it('wants an absolute path', () => {
    using fixture = new Fixture();
    assert.throws(
      () => fixture.explain('etc'),
      (error: unknown) => error instanceof CortenError && error.code === 'invalid-path',
    );
  });
});
