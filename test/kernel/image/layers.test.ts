import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync, statSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { encodeHeader, tarHeader, tarType } from '../../../src/image/tar-format.ts';
import { Root } from '../../../src/kernel/rooted.ts';
import { ImageFixture, nothing } from '../../support/image-fixture.ts';
import { TarBuilder } from '../../support/tar-builder.ts';

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');

function everything(): TarBuilder {
  return new TarBuilder()
    .directory('./', { mode: 0o750, uid: 3, gid: 4 })
    .directory('bin/')
    .file('bin/ping', 'p', { mode: 0o4755, attributes: new Map([['security.capability', capability]]) })
    .file('bin/mail', 'm', { mode: 0o2755, gid: 8 })
    .link('bin/again', 'bin/ping')
    .symlink('bin/link', '/bin/ping')
    .add('dev-null', tarType.character, { mode: 0o666, deviceMajor: 1, deviceMinor: 3 })
    .add('dev-disk', tarType.block, { mode: 0o660, deviceMajor: 259, deviceMinor: 70_000 })
    .add('pipe', tarType.fifo, { mode: 0o620 })
    .file(Buffer.from([0x6e, 0xff]), 'bytes')
    .file(`${'d/'.repeat(120)}deep`, 'deep', {
      uid: 3_000_000,
      modified: { seconds: 1_234_567_890, nanoseconds: 123_456_789 },
    })
    .directory('sticky/', { mode: 0o1777 })
    .directory('old/', { modified: { seconds: 42, nanoseconds: 0 } })
    .file('old/file', 'x', { attributes: new Map([['user.note', Buffer.from([1, 0, 255])]]) });
}

test('a layer is unpacked as its tar says', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const image = await fixture.import(everything().end(), 'all');
  const [layer] = fixture.layers('all');
  assert.ok(layer !== undefined);
  const at = (name: string): string => join(layer, name);
  assert.equal(statSync(layer).mode & 0o7777, 0o750);
  assert.equal(statSync(layer).gid, 4);
  assert.equal(statSync(at('bin/ping')).mode & 0o7777, 0o4755);
  assert.equal(statSync(at('bin/ping')).ino, statSync(at('bin/again')).ino);
  assert.equal(statSync(at('bin/mail')).gid, 8);
  assert.equal(readlinkSync(at('bin/link')), '/bin/ping');
  assert.equal(lstatSync(at('bin/link')).mtimeMs, 1_000_000_000_000);
  assert.equal(lstatSync(at('dev-null')).rdev, (1 << 8) | 3);
  assert.equal(lstatSync(at('dev-null')).mode, 0o020666);
  assert.ok(lstatSync(at('dev-disk')).isBlockDevice());
  assert.equal(lstatSync(at('pipe')).mode, 0o010620);
  assert.equal(lstatSync(at('sticky')).mode & 0o7777, 0o1777);
  assert.equal(statSync(at('old')).mtimeMs, 42_000);
  const deep = statSync(at(`${'d/'.repeat(120)}deep`), { bigint: true });
  assert.equal(deep.uid, 3_000_000n);
  assert.equal(deep.mtimeNs, 1_234_567_890_123_456_789n);
  using root = Root.open(layer);
  assert.deepEqual(root.getAttribute('bin/ping', 'security.capability'), capability);
  assert.deepEqual(root.getAttribute('old/file', 'user.note'), Buffer.from([1, 0, 255]));
  assert.equal(root.readFile(Buffer.from([0x6e, 0xff]), 10).toString(), 'bytes');
  // Files, and the text of the symbolic link.
  assert.equal(image.size, 1 + 1 + 5 + 4 + 1 + '/bin/ping'.length);
});

test('gzip, zstd and plain give the same layer; other compressions are refused by name', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const tar = everything().end();
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
  for (const [name, bytes] of [
    ['plain', tar],
    ['gzip', gzipSync(tar)],
    ['zstd', zstdCompressSync(tar)],
  ] as const) {
    assert.deepEqual((await fixture.import(bytes, name)).layers, [diffId]);
  }
  assert.equal((await fixture.leftovers()).layers, 1);
  await assert.rejects(fixture.import(Buffer.from('fd377a585a000000', 'hex')), {
    kind: 'not-implemented',
    message: 'xz compression is not supported',
  });
  await assert.rejects(fixture.import(gzipSync(tar).subarray(0, 200)), { kind: 'invalid-argument' });
});

test('whiteouts and opaque directories become what overlayfs understands', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const tar = new TarBuilder()
    .directory('etc/')
    .file('etc/.wh.gone', '')
    .directory('var/')
    .file('var/.wh..wh..opq', '')
    .file('var/new', 'n')
    // Both orders of a whiteout and an entry of the same layer: the entry stays, and hides what is below.
    .file('.wh.first', '')
    .directory('first/')
    .directory('second/')
    .file('.wh.second', '')
    .file('third', 't')
    .file('.wh.third', '')
    .file('.wh..wh.plnk', '')
    .end();
  await fixture.import(tar, 'w');
  const [layer] = fixture.layers('w');
  using root = Root.open(layer ?? '');
  const gone = root.lstat('etc/gone');
  assert.ok(gone.isCharacterDevice());
  assert.equal(gone.rdev, 0n);
  for (const directory of ['var', 'first', 'second']) {
    assert.equal(root.getAttribute(directory, 'trusted.overlay.opaque')?.toString(), 'y', directory);
  }
  assert.equal(root.readFile('third', 9).toString(), 't');
  assert.equal(root.exists('.wh..wh.plnk'), false);
});

const attacks: readonly (readonly [name: string, tar: () => Buffer])[] = [
  ['".." in a name', () => new TarBuilder().file('../escaped').end()],
  ['".." further down', () => new TarBuilder().file('a/../../escaped').end()],
  ['a hard link to the outside', () => new TarBuilder().link('passwd', '../../../etc/passwd').end()],
  ['a hard link to nothing', () => new TarBuilder().link('passwd', '/etc/passwd').end()],
  ['a hard link to a directory', () => new TarBuilder().directory('d').link('l', 'd').end()],
  ['a file through a file', () => new TarBuilder().file('a').file('a/b').end()],
  ['a link loop as a directory', () => new TarBuilder().symlink('a', 'b').symlink('b', 'a').file('a/x').end()],
  ['a whiteout of ".."', () => new TarBuilder().file('.wh...').end()],
  ['a whiteout without a name', () => new TarBuilder().file('.wh.').end()],
  ['a name of 300 bytes', () => new TarBuilder().file('n'.repeat(300)).end()],
  ['an unknown type', () => new TarBuilder().add('x', 'Z').end()],
  ['an owner out of range', () => new TarBuilder().add('x', tarType.file, { uid: 2 ** 40 }).end()],
  ['a file as the root', () => new TarBuilder().file('./').end()],
  ['an archive that breaks off', () => new TarBuilder().file('a', 'x'.repeat(5000)).unfinished().subarray(0, 2000)],
  [
    'a size of 8 EiB',
    () => {
      const header = encodeHeader(tarHeader({ name: Buffer.from('x'), type: tarType.file, size: 2 ** 52 }));
      return new TarBuilder().raw(header).end();
    },
  ],
  ['something that is no tar', () => Buffer.alloc(4096, 'no tar ')],
  ['nothing at all', () => Buffer.alloc(0)],
];

for (const [name, tar] of attacks) {
  test(`${name} is refused, and nothing stays`, async () => {
    await using fixture = new ImageFixture();
    await fixture.start();
    await assert.rejects(fixture.import(tar(), 'bad'), (error: Error & { kind?: string }) => {
      assert.ok(
        ['invalid-argument', 'resource-exhausted'].includes(error.kind ?? ''),
        `${error.message} (${error.kind})`,
      );
      return true;
    });
    assert.deepEqual(fixture.store.list(), []);
    assert.deepEqual(await fixture.leftovers(), nothing);
  });
}

test('a file written through a link lands inside the layer', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const target = join(fixture.dataRoot, 'planted');
  const tar = new TarBuilder()
    .symlink('link', fixture.dataRoot)
    .directory(fixture.dataRoot)
    .file('link/planted', 'x')
    .symlink('up', '../../../../../../../..')
    .file('up/planted-too', 'x')
    .file('/absolute', 'x')
    .end();
  await fixture.import(tar, 'contained');
  const [layer = ''] = fixture.layers('contained');
  assert.equal(existsSync(target), false);
  assert.equal(existsSync('/planted-too'), false);
  assert.equal(existsSync('/absolute'), false);
  assert.equal(readFileSync(join(layer, fixture.dataRoot, 'planted'), 'utf8'), 'x');
  assert.equal(readFileSync(join(layer, 'planted-too'), 'utf8'), 'x');
  assert.equal(readFileSync(join(layer, 'absolute'), 'utf8'), 'x');
});

test('the later of two entries with one name counts', async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const tar = new TarBuilder()
    .file('a', 'first')
    .file('a', 'second')
    .directory('b')
    .file('b/inner')
    .symlink('b', 'a')
    .symlink('c', 'a')
    .file('c', 'no link')
    .directory('d', { mode: 0o700 })
    .file('d/kept')
    .directory('d', { mode: 0o711 })
    .end();
  await fixture.import(tar, 'twice');
  const [layer = ''] = fixture.layers('twice');
  assert.equal(readFileSync(join(layer, 'a'), 'utf8'), 'second');
  assert.equal(readlinkSync(join(layer, 'b')), 'a');
  assert.equal(readFileSync(join(layer, 'c'), 'utf8'), 'no link');
  assert.equal(statSync(join(layer, 'd')).mode & 0o777, 0o711);
  assert.equal(existsSync(join(layer, 'd/kept')), true);
});

test("an image cannot write overlayfs's own attributes", async () => {
  await using fixture = new ImageFixture();
  await fixture.start();
  const attributes = new Map([['trusted.overlay.redirect', Buffer.from('/etc')]]);
  await fixture.import(new TarBuilder().directory('d', { attributes }).end(), 'redirect');
  using root = Root.open(fixture.layers('redirect')[0] ?? '');
  assert.deepEqual(root.listAttributes('d'), []);
});

test('a decompression bomb is stopped at the limit', async () => {
  await using fixture = new ImageFixture({ limits: { maximumBytes: 1_000_000 } });
  await fixture.start();
  const bomb = gzipSync(new TarBuilder().file('zeros', '0'.repeat(1_000_001)).end());
  await assert.rejects(fixture.import(bomb), { kind: 'resource-exhausted', code: 'layer-too-large' });
  assert.deepEqual(await fixture.leftovers(), nothing);
});
