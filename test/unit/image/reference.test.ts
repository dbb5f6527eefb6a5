import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CortenError } from '../../../src/base/index.ts';
import { canonicalReference, familiarReference, parseReference, withDefaultTag } from '../../../src/image/reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('names get the defaults that Docker gives them', () => {
  const cases: readonly (readonly [input: string, canonical: string, familiar: string])[] = [
    ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['index.docker.io/a/b', 'docker.io/a/b:latest', 'a/b:latest'],
    ['library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['a/b/c:x', 'docker.io/a/b/c:x', 'a/b/c:x'],
    ['localhost/a', 'localhost/a:latest', 'localhost/a:latest'],
    ['registry:5000/a/b:1', 'registry:5000/a/b:1', 'registry:5000/a/b:1'],
    ['[::1]:5000/a', '[::1]:5000/a:latest', '[::1]:5000/a:latest'],
    [`a@${digest}`, `docker.io/library/a@${digest}`, `a@${digest}`],
    ['docker.io/a.b/c', 'docker.io/a.b/c:latest', 'docker.io/a.b/c:latest'],
  ];
  for (const [input, canonical, familiar] of cases) {
    assert.equal(canonicalReference(parseReference(input)), canonical);
    assert.equal(familiarReference(withDefaultTag(parseReference(input))), familiar);
  }
});

test('malformed references are refused in the words that clients know', () => {
  const bad = [
    '',
    ':',
    'a:',
    'a:b:c',
    'a//b',
    '/a',
    'a/',
    'a b',
    'a@sha256:12',
    '-a',
    'a:-b',
    'a..b',
    `a:${'x'.repeat(129)}`,
  ];
  for (const text of bad) {
    assert.throws(
      () => parseReference(text),
      (error) =>
        error instanceof CortenError &&
        error.code === 'invalid-reference' &&
        /invalid reference format/.test(error.message),
      text,
    );
  }
  assert.throws(() => parseReference('Busybox'), /repository name \(Busybox\) must be lowercase/);
  assert.throws(() => parseReference('a'.repeat(64)), /cannot specify 64-byte hexadecimal strings/);
  assert.throws(() => parseReference(`${'ab/'.repeat(90)}c`), /must not be more than 255 characters/);
});

test('a reference survives being written and read again', () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,4})?$/);
  const path = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const domain = fc.constantFrom('', 'docker.io/', 'localhost/', 'localhost:5000/', 'reg.example.com/', 'r:1/');
  const tag = fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined });
  fc.assert(
    fc.property(domain, path, tag, (prefix, name, suffix) => {
      fc.pre(!/^[0-9a-f]{64}$/.test(name));
      let parsed: ReturnType<typeof parseReference>;
      try {
        parsed = withDefaultTag(parseReference(`${prefix}${name}${suffix === undefined ? '' : `:${suffix}`}`));
      } catch (error) {
        // A first part with a dot is a domain, and then something must follow it.
        assert.ok(error instanceof CortenError && error.code === 'invalid-reference');
        return;
      }
      assert.deepEqual(parseReference(familiarReference(parsed)), parsed);
      assert.deepEqual(parseReference(canonicalReference(parsed)), parsed);
    }),
  );
});

test('nothing but an error of its own comes out of arbitrary text', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      try {
        parseReference(text);
      } catch (error) {
        assert.ok(error instanceof CortenError);
      }
    }),
  );
});
