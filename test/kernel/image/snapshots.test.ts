import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ImageFixture, nothing } from '../../support/image-fixture.ts';
import { TarBuilder } from '../../support/tar-builder.ts';

const container = 'a1'.repeat(32);

async function prepared(fixture: ImageFixture): Promise<void> {
  await fixture.start();
  const tar = new TarBuilder()
    .directory('./', { mode: 0o711, uid: 7, gid: 8 })
    .directory('etc')
    .file('etc/a', 'a')
    .file('etc/b', 'b')
    .directory('tree/sub')
    .file('tree/sub/f')
    .directory('opaque')
    .file('opaque/below')
    .end();
  await fixture.import(tar, 'image');
  await fixture.store.snapshots.prepare(container, 'image');
}

/** Runs with the path of the merged view, whose mount is gone afterwards. */
function inMerged(fixture: ImageFixture, action: (path: string) => void): void {
  const descriptor = fixture.store.snapshots.openMerged(container);
  try {
    action(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}

test('a writable layer is prepared, mounted, changed, measured and removed', async () => {
  await using fixture = new ImageFixture();
  await prepared(fixture);
  const { snapshots } = fixture.store;
  await snapshots.prepare(container, 'image');
  assert.deepEqual(snapshots.containers(), [container]);
  const root = snapshots.root(container);
  assert.ok(root.kind === 'overlay');
  assert.equal(root.lower.length, 1);
  assert.ok(existsSync(join(root.layersDirectory, root.lower[0] ?? '', 'etc/a')));
  inMerged(fixture, (path) => {
    const status = statSync(join(path, '.'));
    // As Docker has it, whatever the root of the image is like.
    assert.deepEqual([status.mode & 0o7777, status.uid, status.gid], [0o755, 0, 0]);
    writeFileSync(join(path, 'etc/new'), '12345');
  });
  assert.equal(await snapshots.usage(container), 5);
  await snapshots.remove(container);
  await snapshots.remove(container);
  assert.throws(() => snapshots.root(container), { kind: 'not-found' });
  assert.equal((await fixture.leftovers()).containers, 0);
});

test('changes are told as docker diff tells them', async () => {
  await using fixture = new ImageFixture();
  await prepared(fixture);
  const { snapshots } = fixture.store;
  assert.deepEqual(await snapshots.changes(container), []);
  inMerged(fixture, (path) => {
    writeFileSync(join(path, 'etc/a'), 'changed');
    unlinkSync(join(path, 'etc/b'));
    mkdirSync(join(path, 'new/dir'), { recursive: true });
    writeFileSync(join(path, 'new/dir/f'), 'x');
    rmSync(join(path, 'tree'), { recursive: true });
    rmSync(join(path, 'opaque'), { recursive: true });
    mkdirSync(join(path, 'opaque'));
    writeFileSync(join(path, 'opaque/fresh'), 'x');
  });
  assert.deepEqual(await snapshots.changes(container), [
    { path: '/etc', kind: 0 },
    { path: '/etc/a', kind: 0 },
    { path: '/etc/b', kind: 2 },
    { path: '/new', kind: 1 },
    { path: '/new/dir', kind: 1 },
    { path: '/new/dir/f', kind: 1 },
    { path: '/opaque', kind: 0 },
    { path: '/opaque/below', kind: 2 },
    { path: '/opaque/fresh', kind: 1 },
    { path: '/tree', kind: 2 },
  ]);
});

test('mount points that a start makes are no changes, what is written there is', async () => {
  await using fixture = new ImageFixture();
  await prepared(fixture);
  const { snapshots } = fixture.store;
  inMerged(fixture, (path) => {
    for (const directory of ['proc', 'sys', 'dev']) mkdirSync(join(path, directory));
    for (const file of ['etc/hosts', 'etc/resolv.conf']) writeFileSync(join(path, file), '');
  });
  assert.deepEqual(await snapshots.changes(container), []);
  inMerged(fixture, (path) => writeFileSync(join(path, 'etc/hosts'), 'x'));
  assert.deepEqual(await snapshots.changes(container), [
    { path: '/etc', kind: 0 },
    { path: '/etc/hosts', kind: 1 },
  ]);
});

test('changes of owner and permissions count, and moved files do', async () => {
  await using fixture = new ImageFixture();
  await prepared(fixture);
  inMerged(fixture, (path) => {
    chmodSync(join(path, 'tree/sub'), 0o700);
    chownSync(join(path, 'etc/a'), 5, 5);
    renameSync(join(path, 'etc/b'), join(path, 'etc/c'));
  });
  const changes = await fixture.store.snapshots.changes(container);
  const found = new Map(changes.map(({ path, kind }) => [path, kind]));
  assert.equal(found.get('/tree/sub'), 0);
  assert.equal(found.get('/etc/a'), 0);
  assert.equal(found.get('/etc/b'), 2);
  assert.equal(found.get('/etc/c'), 1);
});

test('a container keeps its layers when its image is removed by force', async () => {
  await using fixture = new ImageFixture();
  await prepared(fixture);
  const { store } = fixture;
  await store.remove('image', { force: true, prune: true });
  assert.deepEqual(store.list(), []);
  assert.equal((await fixture.leftovers()).layers, 1);
  await fixture.restart();
  inMerged(fixture, (path) => assert.equal(readFileSync(join(path, 'etc/a'), 'utf8'), 'a'));
  await fixture.store.snapshots.remove(container);
  assert.deepEqual(await fixture.leftovers(), nothing);
});

test('an image without layers can be run from', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const tar = new TarBuilder()
    .file('c.json', JSON.stringify({ os: 'linux', rootfs: { diff_ids: [] } }))
    .file('manifest.json', JSON.stringify([{ Config: 'c.json', RepoTags: ['scratch-like:1'], Layers: [] }]))
    .end();
  await fixture.load(tar);
  await fixture.store.snapshots.prepare(container, 'scratch-like:1');
  inMerged(fixture, (path) => assert.deepEqual(readdirSync(join(path, '.')), []));
});

test('an unknown image or container is refused', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const { snapshots } = fixture.store;
  await assert.rejects(snapshots.prepare(container, 'nosuch'), { kind: 'not-found' });
  await assert.rejects(snapshots.prepare('../escape', 'nosuch'), { kind: 'invalid-argument' });
  assert.throws(() => snapshots.openMerged(container), { kind: 'not-found' });
  await assert.rejects(snapshots.usage(container), { kind: 'not-found' });
  assert.deepEqual(await fixture.leftovers(), nothing);
});
