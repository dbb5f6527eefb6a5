import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { CgroupManagerV2, readHierarchies } from '../../../src/kernel/index.ts';
import { Sandbox } from './sandbox.ts';

const { v2 } = readHierarchies();

// Also where v1 has the controllers (hybrid): entering, freezing, killing and the device program need none.
describe('containers on cgroup v2', { skip: v2 === undefined ? 'not mounted' : false }, () => {
  let sandbox: Sandbox;
  before(() => {
    if (v2 !== undefined) sandbox = new Sandbox(new CgroupManagerV2(v2));
  });
  after(() => sandbox.close());

  test('a process is cloned into its group, sees only that, and opens only its devices', async () => {
    const script = [
      'grep ^0: /proc/self/cgroup',
      'mkdir /sys/fs/cgroup/x 2>/dev/null && echo wrote',
      'mknod /tmp/node c 1 11; cat /tmp/node 2>&1; rm /tmp/node',
      'ls /sys/fs/cgroup | grep -c cgroup.procs',
    ].join('\n');
    const { stdout } = await sandbox.run(script, { host: { cgroupnsMode: 'private' } });
    assert.match(stdout, /^0::\/\ncat: .*Operation not permitted\n1\n$/);
  });

  test('pause, resume and kill', async () => {
    const started = await sandbox.start('sleep 1000 & sleep 1000');
    const events = () =>
      readFileSync(
        `${sandbox.runtime.cgroups.directories(started.container.record.cgroupPath)[0]}/cgroup.events`,
        'utf8',
      );
    await started.container.pause();
    assert.match(events(), /frozen 1/);
    await started.container.resume();
    assert.match(events(), /frozen 0/);
    await started.container.killAll();
    assert.equal((await started.finish()).exit.exitCode, 137);
  });
});
