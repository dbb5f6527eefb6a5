import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { close, makeDirectoryAt, openat2, openFlags, workingDirectory } from '../../../src/kernel/files.ts';
import { Root } from '../../../src/kernel/rooted.ts';

const base = mkdtempSync('/tmp/rooted-');
const inside = join(base, 'root');
const outside = join(base, 'outside');

beforeEach(() => {
  rmSync(inside, { recursive: true, force: true });
  rmSync(outside, { recursive: true, force: true });
  mkdirSync(inside);
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'secret');
});

after(() => rmSync(base, { recursive: true, force: true }));

const missing = { name: 'KernelError', code: 'ENOENT' };

test('absolute links and ".." stay inside the root', () => {
  using root = Root.open(inside);
  symlinkSync(join(outside, 'secret'), join(inside, 'absolute'));
  symlinkSync('../outside/secret', join(inside, 'relative'));
  symlinkSync('../../../../../../..', join(inside, 'up'));
  symlinkSync('/', join(inside, 'slash'));
  for (const path of ['absolute', 'relative', `../outside/secret`, `up/${outside}/secret`]) {
    assert.throws(() => root.readFile(path, 100), missing, path);
  }
  root.writeFile('slash/../up/file', 'here');
  assert.equal(readFileSync(join(inside, 'file'), 'utf8'), 'here');
  assert.equal(root.readFile('/slash/up/slash/file', 4).toString(), 'here');
});

test('writing through a link writes inside, never to its target on the host', () => {
  using root = Root.open(inside);
  symlinkSync(outside, join(inside, 'link'));
  assert.throws(() => root.writeFile('link/planted', 'x'), missing);
  root.makeDirectories(outside);
  root.writeFile('link/planted', 'x');
  assert.equal(existsSync(join(outside, 'planted')), false);
  assert.equal(readFileSync(join(inside, outside, 'planted'), 'utf8'), 'x');
});

test('magic links of procfs are refused', () => {
  using root = Root.open('/');
  assert.throws(() => root.open('/proc/self/root/etc', openFlags.path), { code: 'ELOOP' });
  assert.throws(() => root.open('/proc/self/cwd', openFlags.path), { code: 'ELOOP' });
});

test('devices, pipes and files of procfs are not read', () => {
  using root = Root.open(inside);
  execFileSync('mkfifo', [join(inside, 'pipe')]);
  execFileSync('mknod', [join(inside, 'zero'), 'c', '1', '5']);
  for (const path of ['pipe', 'zero']) assert.throws(() => root.readFile(path, 10), { code: 'EINVAL' }, path);
  assert.throws(() => root.writeFile('pipe', 'x'), { code: 'EINVAL' });
  assert.throws(() => root.readFile('.', 10), { code: 'EISDIR' });
  using host = Root.open('/');
  assert.throws(() => host.readFile('/proc/kmsg', 10), { code: 'EINVAL' });
});

test('a file that is longer than allowed is refused', () => {
  using root = Root.open(inside);
  root.writeFile('f', '0123456789');
  assert.equal(root.readFile('f', 10).length, 10);
  assert.throws(() => root.readFile('f', 9), { code: 'EFBIG' });
});

test('directories are made through links inside and not where a file stands', () => {
  using root = Root.open(inside);
  root.makeDirectories('real/dir');
  root.symlink('/real', 'link');
  assert.equal(root.makeDirectories('/link/dir/new/er', 0o700), 2);
  assert.equal(root.stat('real/dir/new/er').isDirectory(), true);
  assert.equal(root.makeDirectories('link/dir/new/er'), 0);
  root.writeFile('file', '');
  assert.throws(() => root.makeDirectories('file/x'), { code: 'ENOTDIR' });
  root.symlink('nowhere', 'dangling');
  assert.throws(() => root.makeDirectories('dangling/x'), missing);
});

test('entries are changed without following them', () => {
  using root = Root.open(inside);
  root.symlink('/target', 'link');
  root.writeFile('target', 'x', 0o600);
  root.changeOwner('link', 12, 34);
  root.changeTimes('link', { seconds: 5, nanoseconds: 0 }, { seconds: 7, nanoseconds: 9 });
  assert.equal(root.lstat('link').uid, 12n);
  assert.equal(root.lstat('link').mtimeNs, 7_000_000_009n);
  assert.equal(root.stat('link').uid, 0n);
  assert.throws(() => root.changeMode('link', 0o777), { code: 'ELOOP' });
  root.changeMode('target', 0o4755);
  assert.equal(root.stat('target').mode & 0o7777n, 0o4755n);
  root.link('link', 'again');
  assert.equal(root.readLink('again').toString(), '/target');
  root.setAttribute('link', 'trusted.mark', Buffer.from([0, 255]));
  assert.deepEqual(root.listAttributes('link'), ['trusted.mark']);
  assert.deepEqual(root.getAttribute('link', 'trusted.mark'), Buffer.from([0, 255]));
  assert.equal(root.getAttribute('target', 'trusted.mark'), undefined);
  root.removeAttribute('link', 'trusted.mark');
  assert.deepEqual(root.listAttributes('link'), []);
});

test('names are bytes, and a NUL does not cut them short', () => {
  using root = Root.open(inside);
  const name = Buffer.from([0x66, 0xff, 0xfe]);
  root.writeFile(name, 'x');
  assert.deepEqual(
    root.readDirectory('.').map((entry) => entry.name),
    [name],
  );
  assert.throws(() => root.open('a\0b', openFlags.path), { code: 'EINVAL' });
});

test('a tree is removed without following links, however deep it is', () => {
  using root = Root.open(inside);
  root.makeDirectories('tree/a/b');
  root.writeFile('tree/a/f', 'x');
  root.symlink(outside, 'tree/a/link');
  symlinkSync(outside, join(inside, 'tree/host'));
  let directory = openat2(workingDirectory, join(inside, 'tree/a/b'), openFlags.path);
  for (let depth = 0; depth < 3000; depth++) {
    makeDirectoryAt(directory, 'd', 0o755);
    const child = openat2(directory, 'd', openFlags.path);
    close(directory);
    directory = child;
  }
  close(directory);
  root.removeTree('tree');
  root.removeTree('tree');
  assert.deepEqual(root.readDirectory('/'), []);
  assert.equal(existsSync(join(outside, 'secret')), true);
});

test('a component that is swapped for a link in a race leads nowhere outside', { timeout: 60_000 }, async () => {
  using root = Root.open(inside);
  root.makeDirectories('a/b');
  symlinkSync(outside, join(inside, 'evil'));
  const swapper = new Worker(new URL('../../support/swap-worker.ts', import.meta.url), {
    workerData: { first: join(inside, 'a'), second: join(inside, 'evil') },
  });
  const attempts = [
    () => root.makeDirectories('a/b/c'),
    () => root.writeFile('a/planted', 'x'),
    () => root.removeTree('a/secret'),
    () => root.changeMode('a/secret', 0o777),
    () => root.symlink('x', 'a/planted-link'),
  ];
  try {
    await new Promise((resolve) => void swapper.once('message', resolve));
    for (let round = 0; round < 4000; round++) {
      for (const attempt of attempts) {
        try {
          attempt();
        } catch (error) {
          assert.ok(error instanceof Error && error.name === 'KernelError', String(error));
        }
      }
    }
  } finally {
    await swapper.terminate();
  }
  using host = Root.open(outside);
  assert.deepEqual(
    host.readDirectory('.').map((entry) => entry.name.toString()),
    ['secret'],
  );
  assert.equal(host.stat('secret').mode & 0o777n, 0o644n);
});
