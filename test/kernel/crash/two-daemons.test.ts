/** Two daemons with roots of their own on one host touch nothing of each other; two on the same roots cannot be. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockExisting } from '../../../src/kernel/lock.ts';
import { runCommand } from '../../support/command.ts';
import { eventually } from '../../support/eventually.ts';
import { leftoversOf } from '../../support/leftovers.ts';
import { cortend, deadlineMs, freePort, World } from './world.ts';

const page = ['httpd', '-f', '-h', '/var/www'] as const;

async function answers(port: number): Promise<boolean> {
  const { stdout } = await runCommand('curl', ['-s', '--max-time', '5', `http://127.0.0.1:${port}/`], {});
  return stdout.includes('hello');
}

describe('two daemons', { timeout: 120_000 }, () => {
  let one: World;
  let other: World;
  before(async () => {
    [one, other] = await Promise.all([World.open(), World.open()]);
  });
  afterEach(async () => {
    for (const world of [one, other]) {
      if (world.daemon.ended) await world.start();
      await world.removeAll();
    }
  });
  after(async () => {
    try {
      await one.assertNothingLeft();
      await other.assertNothingLeft();
    } finally {
      await one.close();
      await other.close();
    }
  });

  /** The lines of what a daemon has in the kernel, without those that come and go by themselves. */
  const traces = async (world: World): Promise<readonly string[]> =>
    (await leftoversOf(world.directory, await world.instance())).filter((line) => !line.startsWith('socket'));

  it('each sees its own containers, images and volumes only', async () => {
    const ids = await Promise.all(
      [one, other].map((world) => world.run(['--name', 'same', '-v', 'data:/data'], ...page)),
    );
    const address = '{{.NetworkSettings.IPAddress}}';
    assert.notEqual(await one.out('inspect', '-f', address, 'same'), await other.out('inspect', '-f', address, 'same'));
    for (const [index, world] of [one, other].entries()) {
      assert.equal((await world.inspect('same')).Id, ids[index]);
      assert.equal(await world.out('ps', '-aq', '--no-trunc'), ids[index]);
      await world.out('exec', 'same', 'sh', '-c', `echo ${index} >/data/file`);
    }
    assert.equal(await one.out('exec', 'same', 'cat', '/data/file'), '0');
    assert.equal(await other.out('exec', 'same', 'cat', '/data/file'), '1');
    await one.out('tag', 'busybox', 'only:here');
    assert.equal((await other.docker('image', 'inspect', 'only:here')).code, 1);
    await one.out('rmi', 'only:here');
    await one.removeAll();
    assert.equal((await other.inspect('same')).State.Running, true);
    await other.removeAll();
    for (const world of [one, other]) await world.out('volume', 'rm', 'data');
  });

  it('a port that the other one has is refused clearly, and free when that lets go of it', async () => {
    const port = await freePort();
    await one.run(['--name', 'web', '-p', `${port}:80`], ...page);
    await eventually(() => answers(port), deadlineMs, 'the port');
    const refused = await other.docker('run', '-d', '--name', 'web', '-p', `${port}:80`, 'busybox', ...page);
    assert.equal(refused.code, 125);
    assert.match(refused.stderr, /address already in use|port is already allocated/);
    assert.ok(await answers(port));
    // Also while the owner's daemon is away: its monitor holds the port.
    await one.kill();
    assert.equal((await other.docker('start', 'web')).code, 1);
    await one.start();
    await one.out('rm', '-f', 'web');
    await other.out('start', 'web');
    await eventually(() => answers(port), deadlineMs, 'the port of the other');
  });

  it('a port is free for anybody when the end of its container is known', async () => {
    const port = await freePort();
    for (let round = 0; round < 10; round += 1) {
      const id = await one.run(['-p', `${port}:80`], ...page);
      await one.api.call('DELETE', `/containers/${id}?force=1`);
      // Throws when the address is in use.
      for (const host of ['0.0.0.0', '::']) {
        const server = createServer();
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject);
          server.listen({ port, host, ipv6Only: host === '::' }, resolve);
        });
        await new Promise((resolve) => server.close(resolve));
      }
    }
  });

  it('one that starts chooses its subnet while no other one does', async () => {
    const directory = await mkdtemp('/tmp/ct-');
    await mkdir(join(directory, 'data'));
    // As another daemon does that has looked at the routes, and has no bridge yet.
    const unlock = tryLockExisting('/sys/class/net');
    assert.ok(unlock !== undefined);
    let locked = true;
    const unlockOnce = (): void => {
      if (locked) unlock();
      locked = false;
    };
    const opening = World.open({ directory, image: false });
    opening.catch(() => undefined);
    try {
      await eventually(() => existsSync(join(directory, 'run', 'cortend.pid')), deadlineMs, 'a daemon that starts');
      // Far longer than it takes to make a bridge.
      await delay(500);
      const instance = createHash('sha256')
        .update(await realpath(join(directory, 'data')))
        .digest('hex')
        .slice(0, 6);
      assert.equal(existsSync(`/sys/class/net/ct-${instance}`), false);
      unlockOnce();
      await opening;
      assert.ok(existsSync(`/sys/class/net/ct-${instance}`));
      await (await opening).assertNothingLeft();
    } finally {
      unlockOnce();
      await (await opening).close();
    }
  });

  it('the end of one, clean or not, touches nothing of the other', async () => {
    const port = await freePort();
    await other.run(['--name', 'web', '-p', `${port}:80`], ...page);
    await eventually(() => answers(port), deadlineMs, 'the port');
    const before = await traces(other);
    await one.stop();
    assert.deepEqual(await traces(one), []);
    assert.deepEqual(await traces(other), before);
    assert.ok(await answers(port));
    await one.start();
    await one.run(['--name', 'web'], ...page);
    await one.kill();
    await one.start();
    await one.removeAll();
    assert.deepEqual(await traces(other), before);
    assert.ok(await answers(port));
    assert.ok(existsSync(other.daemon.socket));
  });

  it('both killed and started again have what they had', async () => {
    const worlds = [one, other] as const;
    const ports = [await freePort(), await freePort()] as const;
    for (const [index, world] of worlds.entries())
      await world.run(['--name', 'web', '-p', `${ports[index]}:80`], ...page);
    const pids = await Promise.all(worlds.map(async (world) => (await world.inspect('web')).State.Pid));
    await Promise.all(worlds.map((world) => world.kill()));
    for (const port of ports) assert.ok(await answers(port), 'with no daemon');
    await Promise.all(worlds.map((world) => world.start()));
    for (const [index, world] of worlds.entries()) {
      assert.equal((await world.inspect('web')).State.Pid, pids[index]);
      assert.ok(await answers(ports[index] ?? 0));
    }
  });

  it('a second one on the same roots is refused, and leaves the first as it is', async () => {
    const id = await one.run([], 'sleep', '1000');
    const pidfile = join(one.directory, 'run', 'cortend.pid');
    const pid = await readFile(pidfile, 'utf8');
    assert.equal(Number(pid), one.daemon.pid);
    const elsewhere = join(one.directory, 'elsewhere');
    for (const args of [
      [],
      ['-H', `unix://${join(one.directory, 'second.sock')}`],
      ['--exec-root', elsewhere],
      ['--data-root', elsewhere],
    ]) {
      const { code, stderr } = await cortend(one.directory, ...args);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^cortend: another cortend uses .*\n {2}hint: stop it, or give this one its own --(data|exec)-root/,
      );
    }
    // Roots of its own, but the same socket.
    const { code, stderr } = await cortend(
      one.directory,
      '--data-root',
      elsewhere,
      '--exec-root',
      join(elsewhere, 'run'),
    );
    assert.equal(code, 1);
    assert.match(stderr, /somebody already answers at/);
    assert.equal(await readFile(pidfile, 'utf8'), pid);
    assert.equal((await one.inspect(id)).State.Running, true);
    assert.equal(await one.out('exec', id, 'echo', 'well'), 'well');
  });
});
