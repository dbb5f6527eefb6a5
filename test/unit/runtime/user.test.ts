import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveUser } from '../../../src/runtime/user.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  '# a comment',
  'web:x:33:34::/srv/web:/bin/sh',
  '1000:x:0:0::/evil:/bin/sh',
  'huge:x:4294967296:0::/:/bin/sh',
  'broken',
].join('\n');
const group = ['root:x:0:', 'wheel:x:10:root,web', 'video:x:44:', 'staff:x:50:web'].join('\n');

const read = (path: string): Buffer | undefined =>
  path === '/etc/passwd' ? Buffer.from(passwd) : path === '/etc/group' ? Buffer.from(group) : undefined;

const nothing = (): undefined => undefined;

test('no user is root, with its groups', () => {
  assert.deepEqual(resolveUser('', [], read), { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root' });
  assert.deepEqual(resolveUser('', [], nothing), { uid: 0, gid: 0, additionalGids: [0], home: '/' });
});

test('a name brings its group, home and memberships', () => {
  assert.deepEqual(resolveUser('web', [], read), { uid: 33, gid: 34, additionalGids: [34, 10, 50], home: '/srv/web' });
});

test('a number needs no entry, and uses one that is there', () => {
  assert.deepEqual(resolveUser('33', [], read), { uid: 33, gid: 34, additionalGids: [34, 10, 50], home: '/srv/web' });
  assert.deepEqual(resolveUser('4000:4001', [], read), { uid: 4000, gid: 4001, additionalGids: [4001], home: '/' });
});

test('an image cannot give root the name of a number', () => {
  assert.equal(resolveUser('1000', [], read).uid, 1000);
});

test('a group by name replaces the memberships', () => {
  assert.deepEqual(resolveUser('web:video', [], read).additionalGids, [44]);
  assert.equal(resolveUser('web:video', [], read).gid, 44);
});

test('further groups by name and number', () => {
  assert.deepEqual(resolveUser('4000:1', ['video', '99'], read).additionalGids, [1, 44, 99]);
});

test("what is missing is named in Docker's words", () => {
  assert.throws(() => resolveUser('foo', [], read), {
    code: 'user-not-found',
    message: 'unable to find user foo: no matching entries in passwd file',
  });
  assert.throws(() => resolveUser('web:foo', [], read), {
    code: 'group-not-found',
    message: 'unable to find group foo: no matching entries in group file',
  });
});

test('ids beyond the kernel’s range are refused, in arguments and in files', () => {
  assert.throws(() => resolveUser('4294967295', [], read), { code: 'id-out-of-range' });
  assert.throws(() => resolveUser('0:2147483648', [], read), { code: 'id-out-of-range' });
  assert.throws(() => resolveUser('huge', [], read), { code: 'user-not-found' });
});

test('a file without end is read up to 1 MiB', () => {
  const endless = Buffer.concat([Buffer.alloc(1024 * 1024, '\n'), Buffer.from('late:x:1:1::/:/bin/sh\n')]);
  assert.throws(() => resolveUser('late', [], () => endless), { code: 'user-not-found' });
});
