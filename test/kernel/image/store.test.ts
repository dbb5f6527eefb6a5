import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { ImageChange } from '../../../src/image/types.ts';
import { ImageFixture, nothing } from '../../support/image-fixture.ts';
import { TarBuilder } from '../../support/tar-builder.ts';

const small = new TarBuilder().directory('./').file('f', 'content').end();
const other = new TarBuilder().file('g', 'other').end();
const plain = { force: false, prune: true };
const container = 'c'.repeat(64);

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

test('what is saved and loaded again is the same image, and saving again gives the same bytes', async () => {
  await using first = new ImageFixture();
  await first.start();
  const image = await first.import(gzipSync(small), 'registry:5000/a/b:1', ['CMD ["x"]', 'ENV A=1']);
  first.store.tag(image.id, 'short');
  const tar = await first.save(['registry:5000/a/b:1', 'short', image.id]);
  assert.deepEqual(await first.save(['registry:5000/a/b:1', 'short', image.id]), tar);

  await using second = new ImageFixture();
  await second.start();
  assert.deepEqual(await second.load(gzipSync(tar)), [
    { id: image.id, reference: 'short:latest' },
    { id: image.id, reference: 'registry:5000/a/b:1' },
  ]);
  const loaded = second.store.resolve('short');
  assert.deepEqual({ ...loaded, lastTagged: '' }, { ...first.store.resolve('short'), lastTagged: '' });
  assert.deepEqual(await second.save(['registry:5000/a/b:1', 'short', image.id]), tar);
  assert.equal((await second.leftovers()).blobs, 2);
});

function dockerArchive(configuration: object, entries: (tar: TarBuilder) => TarBuilder, layers: string[]): Buffer {
  const manifest = [{ Config: 'config.json', RepoTags: ['old:1'], Layers: layers }];
  return entries(new TarBuilder())
    .file('config.json', JSON.stringify(configuration))
    .file('manifest.json', JSON.stringify(manifest))
    .end();
}

test("Docker's old format with links between layers is loaded", async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const diffId = `sha256:${digest(small)}`;
  const configuration = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [diffId, diffId] } };
  const archive = dockerArchive(
    configuration,
    (tar) =>
      tar
        .file('one/VERSION', '1.0')
        .file('one/layer.tar', small.toString('latin1'))
        .symlink('two/layer.tar', '../one/layer.tar'),
    ['one/layer.tar', 'two/layer.tar'],
  );
  assert.equal((await fixture.load(archive))[0]?.reference, 'old:1');
  assert.equal(fixture.layers('old:1').length, 1);
  await fixture.store.snapshots.prepare(container, 'old:1');
  await fixture.store.snapshots.remove(container);
});

test('an OCI layout with an index of platforms is loaded; the name is in an annotation', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const blobs = new Map<string, Buffer>();
  const put = (content: Buffer): { digest: string; size: number } => {
    blobs.set(digest(content), content);
    return { digest: `sha256:${digest(content)}`, size: content.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const configuration = { architecture, os: 'linux', rootfs: { diff_ids: [`sha256:${digest(small)}`] } };
  const manifest = { config: put(json(configuration)), layers: [put(gzipSync(small))] };
  const index = {
    manifests: [
      { ...put(json({ config: {}, layers: [] })), platform: { os: 'linux', architecture: 'z80' } },
      { ...put(json(manifest)), platform: { os: 'linux', architecture } },
    ],
  };
  const annotations = { 'org.opencontainers.image.ref.name': 'example.com/oci:2' };
  const tar = new TarBuilder().file(
    'index.json',
    JSON.stringify({ manifests: [{ ...put(json(index)), annotations }] }),
  );
  for (const [hex, content] of blobs) tar.add(`blobs/sha256/${hex}`, '0', {}, content);
  const [loaded] = await fixture.load(tar.end());
  assert.deepEqual(loaded, { id: manifest.config.digest, reference: 'example.com/oci:2' });
});

test('archives that lie are refused, and nothing of them stays', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const diffId = `sha256:${digest(small)}`;
  const configuration = (ids: string[]): object => ({ os: 'linux', rootfs: { diff_ids: ids } });
  const layer = (tar: TarBuilder): TarBuilder => tar.add('l.tar', '0', {}, small);
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [dockerArchive(configuration([`sha256:${'0'.repeat(64)}`]), layer, ['l.tar']), /not sha256:0+ as its image states/],
    [dockerArchive(configuration([diffId]), layer, ['missing.tar']), /has no file "missing.tar"/],
    [dockerArchive(configuration([diffId]), layer, ['../../../etc/passwd']), /has no file/],
    [dockerArchive(configuration([diffId]), layer, []), /0 layers where the configuration names 1/],
    [dockerArchive(configuration([diffId]), (tar) => tar.symlink('l.tar', '/etc/passwd'), ['l.tar']), /has no file/],
    [new TarBuilder().file('x').end(), /neither manifest.json nor index.json/],
    [new TarBuilder().file('manifest.json', '{').end(), /is no JSON/],
    [new TarBuilder().file(`blobs/sha256/${'0'.repeat(64)}`, 'x').end(), /as was stated/],
  ];
  for (const [archive, message] of cases) await assert.rejects(fixture.load(archive), { message });
  assert.deepEqual(await fixture.leftovers(), nothing);
});

test('a load that is cancelled leaves nothing', async () => {
  await using fixture = new ImageFixture();
  const store = await fixture.start();
  const controller = new AbortController();
  const { Readable } = await import('node:stream');
  async function* endless(): AsyncGenerator<Buffer> {
    yield small.subarray(0, 512);
    controller.abort();
    yield small.subarray(512, 600);
  }
  const archive = Readable.from(endless(), { objectMode: false });
  await assert.rejects(
    store.load(archive, () => undefined, controller.signal),
    { kind: 'cancelled' },
  );
  await assert.rejects(
    store.import(Readable.from(endless(), { objectMode: false }), { changes: [] }, () => undefined, controller.signal),
    { kind: 'cancelled' },
  );
  assert.deepEqual(await fixture.leftovers(), nothing);
});

test('images are found by tag, id and prefix; what is missing is said in words that clients know', async () => {
  await using fixture = new ImageFixture();
  const store = await fixture.start();
  const { id } = await fixture.import(small, 'a/b:1');
  for (const reference of [
    'a/b:1',
    'docker.io/a/b:1',
    id,
    id.slice(7),
    id.slice(7, 19),
    id.slice(0, 19),
    `a/b@${id}`,
  ]) {
    assert.equal(store.resolve(reference).id, id, reference);
  }
  assert.throws(() => store.resolve('nosuch'), { kind: 'not-found', message: 'No such image: nosuch:latest' });
  assert.throws(() => store.resolve(`c@${id}`), { kind: 'not-found' });
  assert.throws(() => store.resolve('A b'), { kind: 'invalid-argument' });
  assert.throws(() => store.tag(id, 'Bad'), /invalid reference format: repository name \(Bad\) must be lowercase/);
  assert.throws(() => store.tag('nosuch', 'x'), { kind: 'not-found' });
  const [top] = store.history('a/b:1');
  assert.deepEqual([top?.id, top?.tags, top?.size, top?.comment], [id, ['a/b:1'], 7, 'Imported from -']);
});

test('removal follows the rules of docker rmi', async () => {
  await using fixture = new ImageFixture();
  const store = await fixture.start();
  const changes: ImageChange[] = [];
  store.onChange((change) => changes.push(change));
  const { id, layers } = await fixture.import(small, 'one');
  store.tag('one', 'two');
  const short = id.slice(7, 19);
  await assert.rejects(store.remove(id, plain), {
    kind: 'conflict',
    message: `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
  });
  assert.deepEqual(await store.remove('two', plain), [{ untagged: 'two:latest' }]);
  // A name wins over an id that begins like it.
  store.tag('one', short);
  assert.deepEqual(await store.remove(short, plain), [{ untagged: `${short}:latest` }]);

  let running = false;
  let used = true;
  store.setUsage((image) => (used && image === id ? [{ containerId: container, running }] : []));
  await assert.rejects(store.remove('one', plain), {
    message: `conflict: unable to remove repository reference "one" (must force) - container cccccccccccc is using its referenced image ${short}`,
  });
  await assert.rejects(store.remove(short, plain), {
    message: `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container cccccccccccc`,
  });
  running = true;
  await assert.rejects(store.remove(id, { force: true, prune: true }), {
    message: `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container cccccccccccc`,
  });
  assert.deepEqual(store.resolve('one').tags, ['one:latest']);
  assert.deepEqual(await store.remove('one', { force: true, prune: true }), [{ untagged: 'one:latest' }]);
  assert.deepEqual(store.resolve(id).tags, []);
  store.tag(id, 'one');
  used = false;
  assert.deepEqual(await store.remove('one', plain), [
    { untagged: 'one:latest' },
    { deleted: id },
    { deleted: layers[0] },
  ]);
  assert.deepEqual(await fixture.leftovers(), nothing);
  assert.deepEqual(
    changes.map(({ kind }) => kind),
    ['import', 'tag', 'tag', 'untag', 'tag', 'untag', 'untag', 'tag', 'untag', 'delete'],
  );
});

test('a layer that another image shares stays', async () => {
  await using fixture = new ImageFixture();
  const store = await fixture.start();
  await fixture.import(small, 'one', ['CMD ["1"]']);
  const two = await fixture.import(small, 'two', ['CMD ["2"]']);
  assert.equal((await store.diskUsage()).images.get(two.id)?.sharedSize, 7);
  await store.remove('one', plain);
  assert.deepEqual(await fixture.leftovers(), { blobs: 2, layers: 1, incoming: 0, containers: 0 });
  assert.equal((await store.diskUsage()).layersSize, 7);
});

test('prune removes what has no name, or all that nobody uses', async () => {
  await using fixture = new ImageFixture();
  const store = await fixture.start();
  await fixture.import(small);
  const kept = await fixture.import(other, 'kept');
  const all = (): boolean => true;
  const dangling = await store.prune({ dangling: true, matches: all });
  assert.equal(dangling.spaceReclaimed, 7);
  assert.equal(store.list().length, 1);
  store.setUsage((id) => (id === kept.id ? [{ containerId: container, running: false }] : []));
  assert.deepEqual(await store.prune({ dangling: false, matches: all }), { removals: [], spaceReclaimed: 0 });
  store.setUsage(() => []);
  assert.deepEqual((await store.prune({ dangling: false, matches: () => false })).removals, []);
  assert.deepEqual((await store.prune({ dangling: false, matches: all })).removals.slice(0, 2), [
    { untagged: 'kept:latest' },
    { deleted: kept.id },
  ]);
  assert.deepEqual(await fixture.leftovers(), nothing);
});

test('images survive a restart; leftovers of a crash do not', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const before = await fixture.import(small, 'kept', ['USER 5']);
  await fixture.stop();
  for (const path of [
    'layers/incoming/x/y',
    'layers/0123456789abcdef/y',
    'containers-rw/gone/upper/z',
    'blobs/incoming/q',
  ]) {
    mkdirSync(join(fixture.dataRoot, path), { recursive: true });
  }
  writeFileSync(join(fixture.dataRoot, 'blobs/sha256', '0'.repeat(64)), 'half');
  // What a power cut may do to an unpacked layer: it is made again from its blob.
  const layer = readdirSync(join(fixture.dataRoot, 'layers')).find(
    (name) => /^[0-9a-f]{16}$/.test(name) && !name.startsWith('01234567'),
  );
  rmSync(join(fixture.dataRoot, 'layers', layer ?? ''), { recursive: true });
  const store = await fixture.start();
  assert.deepEqual(store.resolve('kept'), before);
  await store.stop();
  assert.deepEqual(await fixture.leftovers(), { blobs: 2, layers: 1, incoming: 0, containers: 0 });
  assert.deepEqual(readdirSync(fixture.layers('kept')[0] ?? ''), ['f']);
});

test('a daemon that is killed in the middle of an import leaves nothing after the next start', {
  timeout: 60_000,
}, async () => {
  await using fixture = new ImageFixture();
  const script = new URL('../../support/import-child.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, fixture.dataRoot], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const tar = new TarBuilder().file('big', 'x'.repeat(4_000_000)).end();
  child.stdin.on('error', () => undefined);
  for await (const line of createInterface({ input: child.stdout })) {
    assert.notEqual(line, 'imported');
    // The end of the archive is never sent, so the import cannot complete before the signal.
    if (line === 'started') child.stdin.write(tar.subarray(0, 3_500_000));
    if (line === 'Importing') child.kill('SIGKILL');
  }
  await ended;
  assert.equal((await fixture.leftovers()).incoming, 1);
  const store = await fixture.start();
  assert.deepEqual(store.list(), []);
  assert.deepEqual(await fixture.leftovers(), nothing);
});

test('busybox is made from the static program of this machine, and always the same', async () => {
  await using fixture = new ImageFixture();
  const store = await fixture.start();
  const lines: string[] = [];
  const report = ({ status }: { readonly status: string }): void => void lines.push(status);
  const image = await store.bootstrap('busybox', report, AbortSignal.timeout(60_000));
  assert.deepEqual(image.tags, ['busybox:latest']);
  assert.deepEqual(image.defaults.command, ['sh']);
  const again = await store.bootstrap('busybox:again', report, AbortSignal.timeout(60_000));
  assert.deepEqual(again.layers, image.layers);
  const names = readdirSync(join(fixture.layers('busybox')[0] ?? '', 'bin'));
  for (const name of ['busybox', 'sh', 'cat']) assert.ok(names.includes(name), name);
  assert.ok(lines.length >= 2);
  await assert.rejects(store.bootstrap('nginx', report, AbortSignal.timeout(60_000)), { kind: 'not-implemented' });
});
