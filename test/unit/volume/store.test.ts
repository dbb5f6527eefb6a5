import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CortenError, Database, silentLog } from '../../../src/base/index.ts';
import { LocalVolumeStore, type VolumeChange } from '../../../src/volume/index.ts';

class Fixture implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'corten-volumes-'));
  readonly volumes = join(this.directory, 'volumes');
  readonly database = new Database(':memory:');
  readonly changes: VolumeChange[] = [];
  store = this.reopen();

  reopen(): LocalVolumeStore {
    this.store = new LocalVolumeStore({
      database: this.database,
      directory: this.volumes,
      log: silentLog,
      onChange: (change) => this.changes.push(change),
    });
    return this.store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.stop();
    this.database.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const failsWith = (kind: string, code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CortenError);
  assert.equal(error.kind, kind);
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

const isRoot = process.getuid?.() === 0;

describe('volumes', () => {
  it('are directories with a row', async () => {
    await using fixture = new Fixture();
    const volume = fixture.store.create({ name: 'data', labels: { a: 'b' } });
    assert.equal(volume.mountpoint, join(fixture.volumes, 'data', '_data'));
    assert.ok(existsSync(volume.mountpoint));
    assert.equal(volume.anonymous, false);
    assert.deepEqual(volume.labels, { a: 'b' });
    assert.deepEqual(fixture.store.create({ name: 'data' }), volume, 'made once');
    assert.deepEqual(fixture.store.list(), [volume]);
    assert.deepEqual(fixture.reopen().resolve('data'), volume);
    assert.deepEqual(fixture.changes, [{ kind: 'create', name: 'data' }]);
  });

  it('get a name of 64 digits where none was given', async () => {
    await using fixture = new Fixture();
    const volume = fixture.store.create({});
    assert.match(volume.name, /^[0-9a-f]{64}$/);
    assert.equal(volume.anonymous, true);
    assert.deepEqual(volume.labels, { 'com.docker.volume.anonymous': '' });
  });

  it('refuse names that Docker refuses, in its words', async () => {
    await using fixture = new Fixture();
    const refused = (name: string, message: RegExp) =>
      assert.throws(
        () => fixture.store.create({ name }),
        failsWith('invalid-argument', 'invalid-volume-name', message),
      );
    refused('a', /^volume name is too short, names should be at least two alphanumeric characters$/);
    refused(
      '../x',
      /^"\.\.\/x" includes invalid characters for a local volume name, only "\[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\]" are allowed\. If you intended to pass a host directory, use absolute path$/,
    );
    refused('.hidden', /includes invalid characters/);
    refused('with space', /includes invalid characters/);
    refused('new\nline', /includes invalid characters/);
    refused('x'.repeat(256), /too long/);
    assert.deepEqual(readdirSync(fixture.volumes), []);
  });

  it('name an option that is not supported', async () => {
    await using fixture = new Fixture();
    assert.throws(
      () => fixture.store.create({ name: 'nfs', options: { type: 'nfs' } }),
      failsWith('not-implemented', 'volume-option-not-implemented', /"type"/),
    );
    assert.throws(
      () => fixture.store.create({ name: 'odd', options: { colour: 'red' } }),
      failsWith('invalid-argument', 'invalid-volume-option', /^invalid option: "colour"$/),
    );
    assert.deepEqual(fixture.store.list(), []);
  });

  it('are removed with their data, unless in use', async () => {
    await using fixture = new Fixture();
    const { mountpoint } = fixture.store.create({ name: 'data' });
    mkdirSync(join(mountpoint, 'deep/er'), { recursive: true });
    writeFileSync(join(mountpoint, 'deep/er/file'), 'x');
    fixture.store.setUsage((name) => (name === 'data' ? ['c1'] : []));
    await assert.rejects(
      fixture.store.remove('data', { force: true }),
      failsWith('conflict', 'volume-in-use', /^remove data: volume is in use - \[c1\]$/),
    );
    fixture.store.setUsage(() => []);
    await fixture.store.remove('data', { force: false });
    assert.deepEqual(readdirSync(fixture.volumes), []);
    await assert.rejects(
      fixture.store.remove('data', { force: false }),
      failsWith('not-found', 'volume-not-found', /^get data: no such volume$/),
    );
    await fixture.store.remove('data', { force: true });
    assert.deepEqual(
      fixture.changes.map(({ kind }) => kind),
      ['create', 'destroy'],
    );
  });

  it('are pruned when unused: anonymous ones, or all', async () => {
    await using fixture = new Fixture();
    const anonymous = fixture.store.create({});
    writeFileSync(join(anonymous.mountpoint, 'file'), 'x'.repeat(1000));
    const used = fixture.store.create({});
    fixture.store.create({ name: 'named' });
    fixture.store.create({ name: 'kept', labels: { keep: '' } });
    fixture.store.setUsage((name) => (name === used.name ? ['c'] : []));
    const matches = () => true;
    assert.deepEqual(await fixture.store.prune({ all: false, matches }), {
      removed: [anonymous.name],
      spaceReclaimed: 1000,
    });
    const second = await fixture.store.prune({ all: true, matches: ({ labels }) => !('keep' in labels) });
    assert.deepEqual(second.removed, ['named']);
    assert.deepEqual(
      fixture.store
        .list()
        .map(({ name }) => name)
        .sort(),
      [used.name, 'kept'].sort(),
    );
  });

  it('count each file once', async () => {
    await using fixture = new Fixture();
    const { mountpoint } = fixture.store.create({ name: 'data' });
    mkdirSync(join(mountpoint, 'd'));
    writeFileSync(join(mountpoint, 'd/a'), 'x'.repeat(5000));
    linkSync(join(mountpoint, 'd/a'), join(mountpoint, 'b'));
    symlinkSync('/etc', join(mountpoint, 'link'));
    assert.equal(await fixture.store.usage('data'), 5000 + '/etc'.length);
  });
});

describe('volumes after a crash', () => {
  it('finish a removal whose intent was written', async () => {
    await using fixture = new Fixture();
    fixture.store.create({ name: 'data' });
    fixture.database.prepare("UPDATE volume SET status = 'removing'").run();
    assert.deepEqual(fixture.store.list(), []);
    await fixture.reopen().start();
    assert.equal(existsSync(join(fixture.volumes, 'data')), false);
    assert.equal(fixture.database.prepare('SELECT count(*) AS n FROM volume').get()?.['n'], 0);
  });

  it('do not bring old data back under the same name', async () => {
    await using fixture = new Fixture();
    writeFileSync(join(fixture.store.create({ name: 'data' }).mountpoint, 'old'), '');
    fixture.database.prepare("UPDATE volume SET status = 'removing'").run();
    assert.deepEqual(readdirSync(fixture.store.create({ name: 'data' }).mountpoint), []);
  });

  it('get their directory when only the row was written', async () => {
    await using fixture = new Fixture();
    const { mountpoint } = fixture.store.create({ name: 'data' });
    rmSync(join(fixture.volumes, 'data'), { recursive: true });
    await fixture.reopen().start();
    assert.ok(existsSync(mountpoint));
  });

  it('move a whole copy into place and drop half of one', async () => {
    await using fixture = new Fixture();
    const { mountpoint } = fixture.store.create({ name: 'data' });
    const directory = join(fixture.volumes, 'data');
    mkdirSync(join(directory, '.copied'));
    writeFileSync(join(directory, '.copied/new'), 'image');
    writeFileSync(join(directory, '.copied/both'), 'image');
    writeFileSync(join(mountpoint, 'both'), 'container');
    mkdirSync(join(directory, '.copying'));
    writeFileSync(join(directory, '.copying/half'), '');
    await fixture.reopen().start();
    assert.deepEqual(readdirSync(directory), ['_data']);
    assert.deepEqual(readdirSync(mountpoint).sort(), ['both', 'new']);
    assert.equal(readFileSync(join(mountpoint, 'both'), 'utf8'), 'container');
  });

  it('leave no empty directory of a creation that was rolled back, and touch no data', async () => {
    await using fixture = new Fixture();
    for (const name of ['kept', 'undone', 'half', 'data']) mkdirSync(join(fixture.volumes, name), { recursive: true });
    for (const name of ['kept', 'undone', 'data']) mkdirSync(join(fixture.volumes, name, '_data'));
    writeFileSync(join(fixture.volumes, 'data', '_data', 'file'), '');
    fixture.store.create({ name: 'kept' });
    await fixture.reopen().start();
    assert.deepEqual(readdirSync(fixture.volumes).toSorted(), ['data', 'kept']);
    assert.ok(existsSync(join(fixture.volumes, 'data', '_data', 'file')));
  });

  it('lose only their labels to a damaged row', async () => {
    await using fixture = new Fixture();
    fixture.store.create({ name: 'data', labels: { a: 'b' } });
    fixture.database.prepare("UPDATE volume SET labels = '{oops'").run();
    assert.deepEqual(fixture.store.resolve('data').labels, {});
  });
});

describe('copy-up', () => {
  it('copies what the image has, as it is', async () => {
    await using fixture = new Fixture();
    const image = join(fixture.directory, 'image');
    const source = join(image, 'var/data');
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'sub/file'), 'content');
    linkSync(join(source, 'sub/file'), join(source, 'hard'));
    symlinkSync('/etc/passwd', join(source, 'link'));
    if (isRoot) chownSync(join(source, 'sub/file'), 123, 456);
    chmodSync(join(source, 'sub/file'), 0o4750);
    utimesSync(join(source, 'sub/file'), 1, 2);
    chmodSync(source, 0o1777);
    // An absolute link of the image stays inside of it.
    symlinkSync('/var/data', join(image, 'alias'));
    const volume = fixture.store.create({ name: 'data' });
    const root = openSync(image, 'r');
    try {
      assert.equal(await fixture.store.copyUp(root, '/alias', volume), true);
      const target = volume.mountpoint;
      assert.equal(readFileSync(join(target, 'sub/file'), 'utf8'), 'content');
      const status = lstatSync(join(target, 'sub/file'));
      assert.equal(status.mode & 0o7777, 0o4750);
      if (isRoot) assert.deepEqual([status.uid, status.gid], [123, 456]);
      assert.equal(status.mtimeMs, 2000);
      assert.equal(lstatSync(join(target, 'hard')).ino, status.ino);
      assert.equal(readlinkSync(join(target, 'link')), '/etc/passwd');
      assert.equal(lstatSync(target).mode & 0o7777, 0o1777);
      assert.deepEqual(readdirSync(join(fixture.volumes, 'data')), ['_data']);
      // The second use finds it filled.
      writeFileSync(join(source, 'later'), '');
      assert.equal(await fixture.store.copyUp(root, '/var/data', volume), false);
      assert.equal(existsSync(join(target, 'later')), false);
    } finally {
      closeSync(root);
    }
  });

  it('takes over owner and mode of an empty directory, and nothing where the image has none', async () => {
    await using fixture = new Fixture();
    const image = join(fixture.directory, 'image');
    mkdirSync(join(image, 'empty'), { recursive: true });
    chmodSync(join(image, 'empty'), 0o770);
    writeFileSync(join(image, 'file'), '');
    const volume = fixture.store.create({ name: 'data' });
    const root = openSync(image, 'r');
    try {
      assert.equal(await fixture.store.copyUp(root, '/nowhere', volume), false);
      assert.equal(await fixture.store.copyUp(root, '/file', volume), false);
      assert.equal(lstatSync(volume.mountpoint).mode & 0o7777, 0o755);
      assert.equal(await fixture.store.copyUp(root, '/empty', volume), true);
      assert.equal(lstatSync(volume.mountpoint).mode & 0o7777, 0o770);
    } finally {
      closeSync(root);
    }
  });
});
