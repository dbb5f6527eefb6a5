import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tarType } from '../../../src/image/tar-format.ts';
import { importBusybox } from '../../support/busybox-image.ts';
import { startCortend, type TestDaemon } from '../../support/daemons.ts';
import { eventually } from '../../support/eventually.ts';
import { TarBuilder } from '../../support/tar-builder.ts';

const deadlineMilliseconds = 60_000;

describe('a daemon among hostile images and clients', { timeout: 240_000 }, () => {
  let daemon: TestDaemon;
  const docker = async (...args: string[]) => await daemon.docker(args, { timeoutMs: deadlineMilliseconds });
  before(async () => {
    daemon = await startCortend({ args: ['--bip', '172.29.78.1/24'] });
    await importBusybox(daemon);
  });
  after(async () => {
    const { stdout } = await docker('ps', '-aq');
    const ids = stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await docker('rm', '-f', ...ids);
    await daemon.stop();
  });

  it('keeps its state, its logs and its socket from other users (CVE-2021-41103)', async () => {
    const data = join(daemon.directory, 'data');
    const mode = (path: string): number => statSync(path).mode & 0o777;
    for (const name of ['data', 'run']) assert.equal(mode(join(daemon.directory, name)), 0o711, name);
    for (const name of readdirSync(data)) {
      // Others may at most pass through: names that they do not know stay unknown.
      assert.equal(mode(join(data, name)) & 0o006, 0, `${name} can be read by others`);
    }
    for (const name of ['blobs', 'layers', 'containers']) assert.equal(mode(join(data, name)) & 0o007, 0, name);
    assert.equal(mode(daemon.socket), 0o600);
  });

  it('never starts a process in a directory outside, by any descriptor (CVE-2024-21626)', async () => {
    assert.equal((await docker('run', '-d', '--name', 'cwd', 'busybox', 'sleep', '1000')).code, 0);
    for (const process of ['self', '1']) {
      for (let descriptor = 3; descriptor < 12; descriptor += 1) {
        const directory = `/proc/${process}/fd/${descriptor}`;
        const { code } = await docker('exec', '-w', directory, 'cwd', 'true');
        assert.notEqual(code, 0, directory);
      }
    }
    for (const link of ['/proc/1/root', '/proc/1/cwd', '/proc/self/cwd']) {
      const { stdout } = await docker('exec', '-w', link, 'cwd', 'pwd');
      assert.ok(stdout === '/\n' || stdout === '', `${link}: ${stdout}`);
    }
  });

  it('refuses ids that wrap around to root (GHSA-265r-hfxg-fhmg)', async () => {
    assert.equal((await docker('run', '-d', '--name', 'ids', 'busybox', 'sleep', '1000')).code, 0);
    for (const user of ['4294967296', '4294967295', '2147483648', '1000:4294967296']) {
      const { code, stdout, stderr } = await docker('exec', '-u', user, 'ids', 'id');
      assert.notEqual(code, 0, user);
      // Depending on its version the client tells a failed exec on either stream.
      assert.match(stdout + stderr, /out of range/);
    }
  });

  const passwords: readonly (readonly [string, () => TarBuilder])[] = [
    ['a FIFO', () => new TarBuilder().add('etc/passwd', '6')],
    ['a link to the kernel’s log', () => new TarBuilder().symlink('etc/passwd', '/proc/kmsg')],
    ['a link to itself', () => new TarBuilder().symlink('etc/passwd', 'passwd')],
    ['a link to the host’s', () => new TarBuilder().symlink('etc/passwd', '/proc/1/root/etc/passwd')],
    ['two megabytes long', () => new TarBuilder().file('etc/passwd', `${'x'.repeat(2 ** 21)}\ndaemon:x:1:1::/:\n`)],
  ];
  for (const [what, tar] of passwords) {
    it(`reads no user from an /etc/passwd that is ${what}`, async () => {
      const archive = tar().directory('proc').add('bin/x', tarType.file).end();
      const imported = await daemon.docker(['import', '-', 'hostile'], { input: archive });
      assert.equal(imported.code, 0, imported.stderr);
      const { code, stderr } = await docker('run', '--rm', '-u', 'daemon', 'hostile', '/bin/x');
      assert.notEqual(code, 0);
      assert.match(stderr, /unable to find user daemon|read \/etc\/passwd: EFBIG/);
      assert.equal((await docker('version')).code, 0, 'it still answers');
    });
  }

  it('holds nothing for clients that vanish', async () => {
    assert.equal((await docker('run', '-di', '--name', 'chatty', 'busybox', 'sh', '-c', 'yes')).code, 0);
    const descriptors = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
    const heads = [
      'GET /v1.41/events',
      'GET /v1.41/containers/chatty/logs?follow=1&stdout=1',
      'GET /v1.41/containers/chatty/stats',
      'POST /v1.41/containers/chatty/attach?stream=1&stdin=1&stdout=1',
    ];
    const open = async (head: string): Promise<Socket> =>
      await new Promise((resolve, reject) => {
        const upgrade = head.startsWith('POST') ? 'Connection: Upgrade\r\nUpgrade: tcp\r\n' : '';
        const socket = connect(daemon.socket, () => socket.write(`${head} HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`));
        socket.once('error', reject);
        // Its head came: the stream is open. From here on it is never read.
        socket.once('data', () => {
          socket.pause();
          resolve(socket);
        });
      });
    const round = async (): Promise<void> => {
      const clients = await Promise.all(Array.from({ length: 50 }, (_, index) => open(heads[index % 4] ?? '')));
      for (const client of clients) client.destroy();
    };
    // The first clients leave what is opened once.
    await round();
    const base = descriptors();
    for (let index = 0; index < 3; index += 1) await round();
    await eventually(() => descriptors() <= base, deadlineMilliseconds, `at most ${base} descriptors`);
    assert.equal((await docker('rm', '-f', 'chatty')).code, 0);
  });
});
