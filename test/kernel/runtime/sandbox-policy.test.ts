import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { capabilityMask, heldCapabilities } from '../../../src/kernel/index.ts';
import { Sandbox } from './sandbox.ts';

const field = (status: string, name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';

describe('what a container may do and see', () => {
  let sandbox: Sandbox;
  before(() => {
    sandbox = new Sandbox();
  });
  after(() => sandbox.close());

  test('14 capabilities, none inheritable or ambient, a seccomp filter', async () => {
    const { stdout } = await sandbox.run('cat /proc/self/status');
    assert.equal(field(stdout, 'CapEff'), '00000000a80425fb');
    assert.equal(field(stdout, 'CapBnd'), '00000000a80425fb');
    assert.equal(field(stdout, 'CapInh'), '0000000000000000');
    assert.equal(field(stdout, 'CapAmb'), '0000000000000000');
    assert.equal(field(stdout, 'Seccomp'), '2');
    assert.equal(field(stdout, 'NoNewPrivs'), '0');
  });

  test('no-new-privileges, and a user without capabilities', async () => {
    const { stdout } = await sandbox.run('cat /proc/self/status', {
      host: { securityOptions: ['no-new-privileges'] },
      effective: { user: '1000' },
    });
    assert.equal(field(stdout, 'NoNewPrivs'), '1');
    assert.equal(field(stdout, 'CapEff'), '0000000000000000');
    assert.equal(field(stdout, 'CapPrm'), '0000000000000000');
    assert.equal(field(stdout, 'Seccomp'), '2');
  });

  test('mounting and new namespaces are refused, by the filter even with CAP_SYS_ADMIN missing only there', async () => {
    const { stdout } = await sandbox.run(
      'mount -t tmpfs none /tmp 2>/dev/null && echo mounted; unshare -n true 2>/dev/null && echo unshared; echo end',
    );
    assert.equal(stdout, 'end\n');
  });

  test('masked paths are empty, read-only ones cannot be written', async () => {
    const script = [
      'cat /proc/kcore | wc -c',
      'cat /proc/keys | wc -c',
      'cat /proc/timer_list | wc -c',
      'ls /sys/firmware | wc -l',
      'echo 1 2>/dev/null > /proc/sys/kernel/panic && echo wrote sysctl',
      'echo h 2>/dev/null > /proc/sysrq-trigger && echo wrote sysrq',
      'mkdir /sys/fs/cgroup/x 2>/dev/null && echo made a cgroup',
      'for d in /sys/fs/cgroup/*; do mkdir $d/x 2>/dev/null && echo made a cgroup in $d; done',
      'touch /sys/kernel/x 2>/dev/null && echo wrote sysfs',
      'echo end',
    ].join('\n');
    const { stdout } = await sandbox.run(script);
    assert.equal(stdout, '0\n0\n0\n0\nend\n');
  });

  test('devices: the usual ones work, nodes of others can be made but not opened', async () => {
    const script = [
      'head -c 3 /dev/zero | wc -c',
      'echo x > /dev/null && echo null',
      'head -c 3 /dev/urandom | wc -c',
      'ls -l /dev/fd /dev/stdin /dev/ptmx | wc -l',
      'mknod /tmp/node c 1 11 && echo made; cat /tmp/node 2>&1; rm /tmp/node',
      'ls /dev',
    ].join('\n');
    const { stdout } = await sandbox.run(script);
    const [zero, none, random, links, made, opened, ...names] = stdout.trim().split('\n');
    assert.deepEqual([zero, none, random, links, made], ['3', 'null', '3', '3', 'made']);
    assert.match(opened ?? '', /Operation not permitted/);
    const expected = 'core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero';
    assert.deepEqual(names.sort().join(' '), expected);
  });

  test('its own cgroup is what it sees, and only that', async () => {
    const { stdout } = await sandbox.run(
      'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null',
      {
        host: { resources: { memoryBytes: 32 * 1024 * 1024 } },
      },
    );
    assert.equal(stdout.trim(), String(32 * 1024 * 1024));
  });

  test('privileged: everything that the daemon holds, also where it lacks CAP_SYS_RESOURCE', async () => {
    const { stdout, stderr } = await sandbox.run(
      'cat /proc/self/status; mount -t tmpfs none /tmp && echo mounted; test -e /dev/kmsg && echo devices',
      { host: { privileged: true } },
    );
    assert.equal(BigInt(`0x${field(stdout, 'CapEff')}`), capabilityMask(heldCapabilities()));
    assert.equal(field(stdout, 'Seccomp'), '0');
    assert.match(stdout, /mounted\ndevices/, stderr);
  });

  test('added and dropped capabilities', async () => {
    const { stdout } = await sandbox.run('cat /proc/self/status', {
      host: { capabilitiesDropped: ['ALL'], capabilitiesAdded: ['NET_ADMIN'] },
    });
    assert.equal(BigInt(`0x${field(stdout, 'CapEff')}`), 1n << 12n);
  });

  test('a profile of its own', async () => {
    const profile = JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'],
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
    });
    const { stdout } = await sandbox.run('mkdir /tmp/d 2>&1', { host: { securityOptions: [`seccomp=${profile}`] } });
    assert.match(stdout, /Function not implemented/);
  });

  test('no descriptor beyond the standard streams is passed on', async () => {
    const { stdout } = await sandbox.run('ls /proc/self/fd | wc -l');
    // 0, 1, 2 and the directory that ls reads itself.
    assert.equal(stdout.trim(), '4');
  });
});
