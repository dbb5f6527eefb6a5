import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mirrorLines } from '../../../src/image/apt-configuration.ts';

const targets = `http://mirror.example/debian/ oldstable bookworm main bookworm
http://mirror.example/debian/ oldstable-updates bookworm-updates main bookworm-updates
http://mirror.example/debian-security/ oldstable-security bookworm-security main bookworm-security
http://mirror.example/debian/ oldstable bookworm contrib bookworm
https://other.example/apt cloud cloud main cloud
`;

test('the mirrors of a suite that apt has are taken, with updates and security', () => {
  assert.deepEqual(mirrorLines(targets, 'bookworm'), [
    'deb http://mirror.example/debian-security/ bookworm-security main',
    'deb http://mirror.example/debian/ bookworm main',
    'deb http://mirror.example/debian/ bookworm-updates main',
  ]);
});

test('a suite that apt does not have is left to mmdebstrap', () => {
  assert.deepEqual(mirrorLines(targets, 'trixie'), []);
  assert.deepEqual(mirrorLines('', 'bookworm'), []);
});
