/** What a kill -9 or an orderly stop of the daemon leaves as it is, and what the next daemon makes of what happened meanwhile. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { runCommand } from '../../support/command.ts';
import { eventually } from '../../support/eventually.ts';
import { deadlineMs, freePort, World } from './world.ts';

const numbered = 'i=0; while true; do i=$((i+1)); echo $i; sleep 0.02; done';

function assertConsecutive(lines: readonly string[]): void {
  assert.deepEqual(
    lines,
    lines.map((_, index) => String(index + 1)),
  );
}

describe('containers outlive the daemon', { timeout: 240_000 }, () => {
  let world: World;
  /** On the host, mounted at /share: how a test speaks with a container while no daemon runs. */
  let share: string;

  before(async () => {
    world = await World.open();
    share = join(world.directory, 'share');
  });
  beforeEach(async () => {
    await mkdir(share, { recursive: true });
  });
  afterEach(async () => {
    if (world.daemon.ended) await world.start();
    await world.removeAll();
    await rm(share, { recursive: true, force: true });
  });
  after(async () => {
    try {
      await world.assertNothingLeft();
    } finally {
      await world.close();
    }
  });

  const shared = (): readonly string[] => ['-v', `${share}:/share`];
  /** Ends with `code` as soon as /share/end is there. */
  const untilTold = (code: number): readonly string[] => [
    'sh',
    '-c',
    `touch /share/up; while [ ! -e /share/end ]; do sleep 0.02; done; exit ${code}`,
  ];
  const isUp = (): Promise<void> => eventually(() => existsSync(join(share, 'up')), deadlineMs, 'the container is up');

  /** With no daemon there: lets the container end, and waits for the record of it. */
  async function endMeanwhile(id: string): Promise<void> {
    await writeFile(join(share, 'end'), '');
    await eventually(() => existsSync(join(world.statePath(id), 'exit')), deadlineMs, 'the exit record');
  }

  it('logs, attach, exec, top and stats go on', async () => {
    const id = await world.run(['--network', 'none'], 'sh', '-c', numbered);
    const echo = await world.run(['-i', '--network', 'none'], 'head', '-n', '1');
    const { Pid } = (await world.inspect(id)).State;
    for (let round = 0; round < 3; round += 1) {
      const seen = (await world.logLines(id)).length;
      await world.crash();
      await eventually(async () => (await world.logLines(id)).length > seen + 5, deadlineMs, 'more lines');
      assertConsecutive(await world.logLines(id));
    }
    assert.equal((await world.inspect(id)).State.Pid, Pid);
    assert.equal(await world.out('exec', id, 'echo', 'inside'), 'inside');
    assert.match(await world.out('top', id), /while true/);
    const stats = await world.out('stats', '--no-stream', '--format', '{{.PIDs}} {{.MemUsage}}', id);
    assert.match(stats, /^[1-9]\d* [\d.]+[KM]iB/);
    const attached = await world.daemon.docker(['attach', echo], { input: 'hello again\n' });
    assert.match(attached.stdout, /hello again/);
  });

  it('a log is rotated across restarts without a gap', async () => {
    const flags = ['--network', 'none', '--log-opt', 'max-size=4k', '--log-opt', 'max-file=3'];
    const id = await world.run(flags, 'sh', '-c', numbered);
    for (let round = 0; round < 2; round += 1) {
      const last = Number((await world.logLines(id)).at(-1) ?? 0);
      await world.crash();
      await eventually(async () => Number((await world.logLines(id)).at(-1) ?? 0) > last + 60, deadlineMs, 'lines');
    }
    const lines = (await world.logLines(id)).map(Number);
    assert.deepEqual(
      lines,
      lines.map((_, index) => (lines[0] ?? 0) + index),
    );
  });

  it('a terminal can be attached to and resized again', async () => {
    const id = await world.run(['-it', '--network', 'none'], 'sh', '-c', 'while read line; do stty size; done');
    await world.crash();
    await world.api.call('POST', `/containers/${id}/resize?h=33&w=99`);
    const exec = await world.daemon.docker(['exec', '-i', id, 'sh', '-c', 'stty size </proc/1/fd/0']);
    assert.equal(exec.stdout.trim(), '33 99');
  });

  it('published ports answer while no daemon runs and afterwards', async () => {
    const port = await freePort();
    const page = ['httpd', '-f', '-h', '/var/www'];
    const id = await world.run(['-p', `${port}:80`, '--name', 'web'], ...page);
    const answer = async (address: string): Promise<boolean> =>
      (await runCommand('curl', ['-sg', '--max-time', '5', `http://${address}:${port}/`], {})).stdout.includes('hello');
    const answers = async (when: string): Promise<void> => {
      await eventually(() => answer('127.0.0.1'), deadlineMs, `IPv4, ${when}`);
      await eventually(() => answer('[::1]'), deadlineMs, `IPv6, ${when}`);
    };
    await answers('before');
    await world.kill();
    assert.ok(await answer('127.0.0.1'), 'IPv4 while the daemon is away');
    assert.ok(await answer('[::1]'), 'IPv6 while the daemon is away');
    await world.start();
    assert.ok(await answer('127.0.0.1'), 'IPv4 at once after the restart');
    assert.ok(await answer('[::1]'), 'IPv6 at once after the restart');
    assert.match(await world.out('port', 'web'), new RegExp(`80/tcp -> 0.0.0.0:${port}`));
    const second = await world.docker('run', '-d', '-p', `${port}:80`, 'busybox', ...page);
    assert.equal(second.code, 125);
    assert.match(second.stderr, /port is already allocated/);
    // A new container gets another address than the one that was there before.
    const other = await world.run([], 'sleep', '1000');
    const address = '{{.NetworkSettings.IPAddress}}';
    assert.notEqual(await world.out('inspect', '-f', address, other), await world.out('inspect', '-f', address, id));
    await world.out('rm', '-f', 'web');
    await world.run(['-p', `${port}:80`], ...page);
    await answers('from the next container');
  });

  it('health checks go on', async () => {
    await writeFile(join(share, 'well'), '');
    const check = ['--health-cmd', 'test -e /share/well', '--health-interval', '100ms', '--health-retries', '2'];
    const id = await world.run(['--network', 'none', ...shared(), ...check], 'sleep', '1000');
    await world.until(id, ({ State }) => State.Health?.Status === 'healthy', 'healthy');
    await world.crash();
    assert.equal((await world.inspect(id)).State.Health?.Status, 'healthy');
    await rm(join(share, 'well'));
    await world.until(id, ({ State }) => State.Health?.Status === 'unhealthy', 'unhealthy');
    await world.crash();
    assert.equal((await world.inspect(id)).State.Health?.Status, 'unhealthy');
    await writeFile(join(share, 'well'), '');
    await world.until(id, ({ State }) => State.Health?.Status === 'healthy', 'healthy again');
  });

  it('an end that nobody saw keeps its exit code and its time; wait and start answer afterwards', async () => {
    const id = await world.run(['--network', 'none', ...shared()], ...untilTold(37));
    await isUp();
    await world.kill();
    await endMeanwhile(id);
    const record = JSON.parse(await readFile(join(world.statePath(id), 'exit'), 'utf8')) as {
      readonly finishedAtNanoseconds: unknown;
    };
    await world.start();
    const { State } = await world.inspect(id);
    assert.equal(State.Status, 'exited');
    assert.equal(State.ExitCode, 37);
    assert.equal(State.Pid, 0);
    const recorded = Math.floor(Number(record.finishedAtNanoseconds) / 1e6);
    assert.ok(Math.abs(Date.parse(State.FinishedAt) - recorded) <= 1, `${State.FinishedAt} is not ${recorded}`);
    assert.equal(await world.out('wait', id), '37');
    await rm(join(share, 'end'));
    await world.out('start', id);
    assert.equal((await world.inspect(id)).State.Running, true);
  });

  it('a kill for lack of memory that nobody saw is known afterwards', async () => {
    const eat = 'touch /share/up; while [ ! -e /share/end ]; do sleep 0.02; done; x=$(tail /dev/zero); echo $x';
    const id = await world.run(
      ['--network', 'none', '-m', '16m', '--memory-swap', '16m', ...shared()],
      'sh',
      '-c',
      eat,
    );
    await isUp();
    await world.kill();
    await endMeanwhile(id);
    await world.start();
    assert.equal((await world.inspect(id)).State.OOMKilled, true);
  });

  it('a restart policy acts on an end that nobody saw', async () => {
    const policy = (name: string): readonly string[] => ['--network', 'none', '--restart', name, ...shared()];
    const always = await world.run(policy('always'), ...untilTold(0));
    const failing = await world.run(policy('on-failure:3'), ...untilTold(4));
    const fine = await world.run(policy('on-failure'), ...untilTold(0));
    await isUp();
    await world.kill();
    for (const id of [always, failing, fine]) await endMeanwhile(id);
    await rm(join(share, 'end'));
    await world.start();
    for (const id of [always, failing]) {
      const again = await world.until(id, ({ State }) => State.Running, 'running again');
      assert.equal(again.RestartCount, 1);
    }
    assert.deepEqual(
      [(await world.inspect(fine)).State.Status, (await world.inspect(fine)).RestartCount],
      ['exited', 0],
    );
  });

  it('a restart that was due when the daemon died comes', async () => {
    const id = await world.run(['--network', 'none', '--restart', 'always'], 'sh', '-c', 'exit 3');
    await world.until(id, ({ RestartCount }) => RestartCount >= 2, 'some restarts');
    await world.crash();
    const { RestartCount } = await world.inspect(id);
    await world.until(id, (now) => now.RestartCount > RestartCount, 'more restarts');
    await world.out('stop', id);
    assert.equal((await world.inspect(id)).State.Status, 'exited');
  });

  it('always forgets that a user stopped it, unless-stopped does not', async () => {
    const run = (policy: string): Promise<string> =>
      world.run(['--network', 'none', '--restart', policy], 'sleep', '1000');
    const ids = [await run('always'), await run('unless-stopped'), await run('on-failure'), await run('no')] as const;
    const [always, ...others] = ids;
    for (const id of ids) await world.out('stop', '-t', '0', id);
    for (const restart of [
      () => world.crash(),
      async () => {
        await world.stop();
        await world.start();
      },
    ]) {
      await restart();
      await world.until(always, ({ State }) => State.Running, 'always runs again');
      for (const id of others) assert.equal((await world.inspect(id)).State.Status, 'exited');
      await world.out('stop', '-t', '0', always);
    }
  });

  it('--rm removes what ended while nobody looked, with its volume', async () => {
    const id = await world.run(['--rm', '--network', 'none', '-v', '/data', ...shared()], ...untilTold(0));
    await isUp();
    const volumes = await world.out('volume', 'ls', '-q');
    assert.match(volumes, /^[0-9a-f]{64}$/);
    await world.kill();
    await endMeanwhile(id);
    await world.start();
    await eventually(async () => (await world.out('ps', '-aq')) === '', deadlineMs, 'the removal');
    assert.equal(await world.out('volume', 'ls', '-q'), '');
  });

  it('paused stays paused', async () => {
    const id = await world.run(['--network', 'none'], 'sh', '-c', numbered);
    await eventually(async () => (await world.logLines(id)).length > 3, deadlineMs, 'lines');
    await world.out('pause', id);
    const frozen = await world.logLines(id);
    await world.crash();
    const { State } = await world.inspect(id);
    assert.deepEqual([State.Status, State.Paused, State.Running], ['paused', true, true]);
    assert.equal((await world.docker('exec', id, 'true')).code, 1);
    assert.deepEqual(await world.logLines(id), frozen);
    await world.out('unpause', id);
    await eventually(async () => (await world.logLines(id)).length > frozen.length + 3, deadlineMs, 'more lines');
    assertConsecutive(await world.logLines(id));
  });

  it('wait, stop, kill, restart and rm work on what an earlier daemon started', async () => {
    const ends = await world.run(['--network', 'none', ...shared()], ...untilTold(9));
    const trap = 'trap "exit 5" TERM; touch /share/trapped; while true; do sleep 0.02; done';
    const stopped = await world.run(['--network', 'none', ...shared()], 'sh', '-c', trap);
    const run = (): Promise<string> => world.run(['--network', 'none'], 'sleep', '1000');
    const [killed, restarted, removed, renamed] = [await run(), await run(), await run(), await run()];
    await isUp();
    await eventually(() => existsSync(join(share, 'trapped')), deadlineMs, 'the trap');
    await world.crash();
    const waiting = world.out('wait', ends);
    await writeFile(join(share, 'end'), '');
    assert.equal(await waiting, '9');
    await world.out('stop', stopped);
    assert.equal((await world.inspect(stopped)).State.ExitCode, 5);
    await world.out('kill', killed);
    await world.until(killed, ({ State }) => State.Status === 'exited' && State.ExitCode === 137, 'killed');
    const before = (await world.inspect(restarted)).State.Pid;
    await world.out('restart', '-t', '0', restarted);
    const now = (await world.inspect(restarted)).State;
    assert.ok(now.Running && now.Pid !== before);
    await world.out('rm', '-f', removed);
    assert.equal((await world.docker('inspect', removed)).code, 1);
    await world.out('rename', renamed, 'another-name');
    await world.out('update', '-m', '64m', '--memory-swap', '64m', renamed);
    await world.crash();
    assert.equal((await world.inspect('another-name')).Id, renamed);
    assert.equal(await world.out('inspect', '-f', '{{.HostConfig.Memory}}', renamed), String(64 * 1024 * 1024));
  });

  it('what was created, tagged and stored is still there', async () => {
    const created = await world.out('create', '--name', 'later', '-v', 'keep:/keep', 'busybox', 'cat', '/keep/note');
    await world.out('run', '--rm', '-v', 'keep:/keep', 'busybox', 'sh', '-c', 'echo kept >/keep/note');
    await world.out('tag', 'busybox', 'busybox:other');
    await world.crash();
    assert.equal((await world.inspect(created)).State.Status, 'created');
    assert.equal(await world.out('start', '-a', 'later'), 'kept');
    assert.equal(await world.out('rmi', 'busybox:other'), 'Untagged: busybox:other');
    await world.crash();
    assert.equal((await world.docker('image', 'inspect', 'busybox:other')).code, 1);
    await world.out('rm', 'later');
    await world.out('volume', 'rm', 'keep');
  });

  it('processes of execs go on, end with their container, and leave nothing', async () => {
    const id = await world.run(['--network', 'none', ...shared()], 'sleep', '1000');
    const script = 'i=0; while true; do i=$((i+1)); echo $i >/share/count.$$; mv /share/count.$$ /share/count; done';
    await world.out('exec', '-d', id, 'sh', '-c', script);
    const count = async (): Promise<number> => Number(await readFile(join(share, 'count'), 'utf8').catch(() => '0'));
    await eventually(async () => (await count()) > 0, deadlineMs, 'the process of the exec');
    await world.crash();
    const after = await count();
    await eventually(async () => (await count()) > after, deadlineMs, 'it goes on');
    assert.deepEqual(await readdir(join(world.directory, 'run', 'execs')), []);
    await world.out('rm', '-f', id);
    // Its monitor and its process hold the share or its cgroup: assertNothingLeft looks for both at the end.
    const left = await count();
    assert.equal(await world.out('run', '--rm', 'busybox', 'echo', 'still well'), 'still well');
    assert.equal(await count(), left);
  });

  it('SIGTERM leaves containers as they are, and an upgrade is a stop and a start', async () => {
    const port = await freePort();
    const id = await world.run(['-p', `127.0.0.1:${port}:80`], 'httpd', '-f', '-h', '/var/www');
    const counting = await world.run(['--network', 'none', '--restart', 'always'], 'sh', '-c', numbered);
    const before = [(await world.inspect(id)).State, (await world.inspect(counting)).State];
    await world.stop();
    assert.equal(existsSync(world.daemon.socket), false);
    const page = await runCommand('curl', ['-s', '--max-time', '5', `http://127.0.0.1:${port}/`], {});
    assert.match(page.stdout, /hello/);
    await world.start();
    assert.deepEqual([(await world.inspect(id)).State, (await world.inspect(counting)).State], before);
    const seen = (await world.logLines(counting)).length;
    await eventually(async () => (await world.logLines(counting)).length > seen, deadlineMs, 'more lines');
    assertConsecutive(await world.logLines(counting));
  });
});

describe('SIGHUP', { timeout: 120_000 }, () => {
  it('takes over what may change, refuses a bad file whole, and leaves containers alone', async () => {
    const directory = await mkdtemp('/tmp/ct-');
    const file = join(directory, 'daemon.json');
    await writeFile(file, JSON.stringify({ labels: ['one=1'], 'log-level': 'warn' }));
    const world = await World.open({ directory, args: ['--config-file', file], logLevel: undefined });
    try {
      const info = async (): Promise<{ readonly Labels: readonly string[]; readonly Debug: boolean }> =>
        (await world.api.call('GET', '/info')) as { readonly Labels: readonly string[]; readonly Debug: boolean };
      const id = await world.run(['--network', 'none'], 'sleep', '1000');
      const { Pid } = (await world.inspect(id)).State;
      assert.deepEqual([(await info()).Labels, (await info()).Debug], [['one=1'], false]);
      assert.doesNotMatch(await world.wholeLog(), /level=(debug|info)/);

      await writeFile(file, JSON.stringify({ labels: ['two=2', 'three=3'], debug: true }));
      process.kill(world.daemon.pid, 'SIGHUP');
      await eventually(async () => (await info()).Labels.length === 2, deadlineMs, 'the new labels');
      assert.deepEqual([(await info()).Labels, (await info()).Debug], [['two=2', 'three=3'], true]);
      await eventually(async () => /level=debug msg="?request/.test(await world.wholeLog()), deadlineMs, 'debug lines');

      await writeFile(file, JSON.stringify({ labels: ['four=4'], nonsense: true }));
      process.kill(world.daemon.pid, 'SIGHUP');
      await eventually(async () => /not reloaded.*nonsense/.test(await world.wholeLog()), deadlineMs, 'the complaint');
      await writeFile(file, '{"labels": [');
      process.kill(world.daemon.pid, 'SIGHUP');
      await eventually(
        async () => (await world.wholeLog()).match(/not reloaded/g)?.length === 2,
        deadlineMs,
        'the second complaint',
      );
      assert.deepEqual((await info()).Labels, ['two=2', 'three=3']);
      assert.equal((await world.inspect(id)).State.Pid, Pid);

      // A container of later inherits what was reloaded.
      await writeFile(file, JSON.stringify({ 'log-opts': { 'max-size': '7m' } }));
      process.kill(world.daemon.pid, 'SIGHUP');
      await eventually(async () => !(await info()).Debug, deadlineMs, 'the end of debugging');
      const later = await world.out('create', 'busybox', 'true');
      assert.equal(await world.out('inspect', '-f', '{{index .HostConfig.LogConfig.Config "max-size"}}', later), '7m');
      await world.removeAll();
      await world.assertNothingLeft();
    } finally {
      await world.close();
    }
  });
});
