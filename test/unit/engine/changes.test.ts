import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownChanges } from '../../../src/engine/changes.ts';
import type { MountPoint } from '../../../src/engine/types.ts';

const volume: MountPoint = {
  type: 'volume',
  name: 'v',
  source: '/volumes/v',
  target: '/srv/deep/data',
  readOnly: false,
  propagation: '',
  recursive: true,
  options: [],
  mode: '',
};

describe('changes of a container', () => {
  it('are without the mount points that were made for it', () => {
    const made = [
      { path: '/dev', kind: 1 },
      { path: '/etc', kind: 0 },
      { path: '/etc/hosts', kind: 1 },
      { path: '/srv', kind: 1 },
      { path: '/srv/deep', kind: 1 },
      { path: '/srv/deep/data', kind: 1 },
    ] as const;
    assert.deepEqual(ownChanges(made, { mounts: [volume] }), []);
  });

  it('keep what the container did beside them', () => {
    const own = [
      { path: '/etc', kind: 0 },
      { path: '/etc/passwd', kind: 0 },
      { path: '/root', kind: 0 },
      { path: '/gone', kind: 2 },
      { path: '/new', kind: 1 },
    ] as const;
    const changes = [...own, { path: '/etc/hosts', kind: 1 }, { path: '/proc', kind: 1 }] as const;
    assert.deepEqual(ownChanges(changes, { mounts: [] }), own);
  });
});
