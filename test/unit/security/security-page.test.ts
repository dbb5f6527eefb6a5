import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => /^\| (?:CVE|GHSA)/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('every known hole names tests that exist, or says that its component is not built', () => {
  assert.ok(rows.length >= 25, `the table was found: ${rows.length} rows`);
  for (const [, advisory = '', , , proof = ''] of rows) {
    if (/^(?:Not built yet|No test yet)\b/.test(proof)) continue;
    const named = [...proof.matchAll(/`([^`]+\.test\.ts)`: “([^”]+)”/g)];
    assert.ok(named.length > 0, `${advisory}: no test is named in "${proof}"`);
    for (const [, file = '', title = ''] of named) {
      const path = join(root, 'test', file);
      assert.ok(existsSync(path), `${advisory}: test/${file} does not exist`);
      assert.ok(readFileSync(path, 'utf8').includes(title), `${advisory}: test/${file} has no test “${title}”`);
    }
  }
});
