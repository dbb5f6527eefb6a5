/** A full disk, damaged files and rows, processes killed by somebody else: clear errors, and never a dead daemon. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, describe, it } from 'node:test';
import { idOf } from '../../support/api-client.ts';
import { runCommand } from '../../support/command.ts';
import { eventually } from '../../support/eventually.ts';
import { cortend, deadlineMs, World } from './world.ts';

const numbered = 'i=0; while true; do i=$((i+1)); echo $i; sleep 0.02; done';
const none = ['--network', 'none'] as const;

async function command(name: string, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(name, args, {});
  assert.equal(code, 0, `${name} ${args.join(' ')}: ${stderr}`);
}

describe('damage', { timeout: 240_000 }, () => {
  let world: World;
  before(async () => {
    world = await World.open();
  });
  afterEach(async () => {
    if (world.daemon.ended) await world.start();
    await world.removeAll();
  });
  after(async () => {
    try {
      await world.assertNothingLeft();
    } finally {
      await world.close();
    }
  });

  const data = (...path: readonly string[]): string => join(world.directory, 'data', ...path);
  /** Changes the database; only while no daemon has it. */
  function edit(sql: string, ...values: readonly string[]): void {
    const database = new DatabaseSync(data('corten.db'));
    try {
      assert.notEqual(database.prepare(sql).run(...values).changes, 0, sql);
    } finally {
      database.close();
    }
  }

  it('a damaged row of a container costs that container only', async () => {
    for (const [column, text] of [
      ['state', '{"status":"run'],
      ['definition', '{}'],
      ['state', '{"status":"flying"}'],
    ] as const) {
      const victim = await world.run(['--name', 'victim'], 'sleep', '1000');
      const stopped = await world.out('create', ...none, '--name', 'stopped', 'busybox', 'true');
      const other = await world.run(['--name', 'other'], 'sleep', '1000');
      await world.kill();
      edit(`UPDATE container SET ${column} = ? WHERE id IN (?, ?)`, text, victim, stopped);
      await world.start();
      assert.equal((await world.inspect(other)).State.Running, true);
      assert.deepEqual((await world.out('ps', '-a', '--format', '{{.Names}}')).split('\n'), ['other']);
      for (const name of ['victim', 'stopped']) {
        for (const words of [['inspect'], ['start'], ['rm']]) {
          const { code, stderr } = await world.docker(...words, name);
          assert.equal(code, 1);
          assert.match(
            stderr,
            new RegExp(`the stored state of container ${name} .* is damaged: .*remove it with force`),
          );
        }
        const taken = await world.docker('create', '--name', name, 'busybox');
        assert.match(taken.stderr, /is already in use by container/);
        await world.out('rm', '-f', name);
        assert.match((await world.docker('inspect', name)).stderr, /No such/);
      }
      assert.equal(await world.out('exec', 'other', 'echo', 'fine'), 'fine');
      await world.removeAll();
    }
  });

  it('damaged rows of networks, endpoints, volumes and images do not keep the daemon from starting', async () => {
    const port = ['-p', '127.0.0.1::80'];
    const first = await world.run([...port, '-v', 'kept:/kept'], 'httpd', '-f', '-h', '/var/www');
    await world.kill();
    edit("UPDATE network_endpoint SET body = '{'");
    edit("UPDATE network_network SET body = 'nonsense' WHERE name = 'bridge'");
    edit("UPDATE volume SET labels = '[', options = 'x'");
    edit("UPDATE image_snapshot SET layers = 'sha256:nonsense' WHERE container_id = ?", first);
    await world.start();
    assert.equal((await world.inspect(first)).State.Running, true);
    assert.equal(await world.out('volume', 'ls', '-q'), 'kept');
    await world.out('stop', '-t', '0', first);
    const again = await world.docker('start', first);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /sha256:nonsense/);
    await world.out('rm', first);
    const next = await world.run(port, 'httpd', '-f', '-h', '/var/www');
    const address = (await world.out('port', next, '80')).split('\n')[0] ?? '';
    await eventually(
      async () =>
        (await runCommand('curl', ['-s', '--max-time', '5', `http://${address}/`], {})).stdout.includes('hello'),
      deadlineMs,
      'the port of the next container',
    );
    await world.out('rm', '-f', next);
    await world.out('volume', 'rm', 'kept');
  });

  it('a database that is no database stops the start with a clear error, and containers go on', async () => {
    const id = await world.run([...none], 'sh', '-c', numbered);
    const { Pid } = (await world.inspect(id)).State;
    await world.stop();
    const path = data('corten.db');
    const whole = await readFile(path);
    const schemaPage = Buffer.from(whole);
    schemaPage.fill(0xff, 100, 4096);
    const middle = Buffer.from(whole);
    middle.fill(0xff, 4096);
    try {
      for (const bytes of [Buffer.from('nonsense'.repeat(1000)), schemaPage, middle, whole.subarray(0, 5000)]) {
        await writeFile(path, bytes);
        const { code, stderr } = await cortend(world.directory);
        assert.equal(code, 1, stderr);
        assert.match(stderr, /^cortend: the state database .*corten\.db (cannot be opened|is damaged).*\n {2}hint: /m);
        assert.equal(stderr.trim().split('\n').length, 2, stderr);
        process.kill(Pid, 0);
      }
    } finally {
      await writeFile(path, whole);
      for (const suffix of ['-wal', '-shm']) await rm(`${path}${suffix}`, { force: true });
    }
    await world.start();
    assert.equal((await world.inspect(id)).State.Pid, Pid);
  });

  it('what is left of a damaged log is shown', async () => {
    const id = await world.run([...none], 'sh', '-c', 'seq 1 1000; exec sleep 1000');
    await eventually(async () => (await world.logLines(id)).length === 1000, deadlineMs, 'the log');
    const path = data('containers', id, `${id}-json.log`);
    const whole = await readFile(path);
    await truncate(path, whole.length - 30);
    assert.equal((await world.logLines(id)).length, 999);
    const garbage = Buffer.from(whole);
    garbage.fill(0, 3000, 4000);
    garbage.fill(0xfe, 9000, 9100);
    await writeFile(path, garbage);
    const lines = await world.logLines(id);
    assert.ok(lines.length > 950 && lines.length < 1000, String(lines.length));
    assert.equal(lines.at(-1), '1000');
    assert.equal(await world.out('logs', '--tail', '1', id), '1000');
    await writeFile(path, '');
    assert.equal(await world.out('logs', id), '');
    await rm(path);
    assert.equal(await world.out('logs', id), '');
    await mkdir(path);
    const { code, stderr } = await world.docker('logs', id);
    assert.equal(code, 1);
    assert.match(stderr, /json\.log/);
    await world.out('stop', '-t', '0', id);
    const start = await world.docker('start', id);
    assert.equal(start.code, 1);
    assert.match(start.stderr, /log/);
    await world.out('rm', id);
  });

  it('an exit record that is missing or damaged makes an unknown exit code, not a container that never ends', async () => {
    const share = join(world.directory, 'share');
    for (const text of [
      undefined,
      '',
      '{"exitCode":',
      'null',
      '{"exitCode":"many"}',
      '{"finishedAtNanoseconds":"x"}',
    ]) {
      await mkdir(share, { recursive: true });
      const id = await world.run(
        [...none, '-v', `${share}:/share`],
        'sh',
        '-c',
        'while [ ! -e /share/end ]; do sleep 0.02; done; exit 7',
      );
      await world.kill();
      await writeFile(join(share, 'end'), '');
      const record = join(world.statePath(id), 'exit');
      await eventually(() => existsSync(record), deadlineMs, 'the exit record');
      if (text === undefined) await rm(record);
      else await writeFile(record, text);
      await world.start();
      const { State } = await world.inspect(id);
      assert.deepEqual([State.Status, State.ExitCode, State.Pid], ['exited', 255, 0], String(text));
      assert.equal(await world.out('wait', id), '255');
      await world.out('rm', id);
      await rm(share, { recursive: true });
    }
  });

  const monitorOf = async (id: string): Promise<number> => {
    const { Pid } = (await world.inspect(id)).State;
    const status = await readFile(`/proc/${Pid}/stat`, 'utf8');
    return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]);
  };

  it('a monitor that was killed takes its container with it, whether a daemon runs or not', async () => {
    for (const away of [false, true]) {
      const id = await world.run(['-p', '127.0.0.1::80'], 'sleep', '1000');
      const kept = await world.run([...none, '--restart', 'always'], 'sleep', '1000');
      const monitors = [await monitorOf(id), await monitorOf(kept)];
      const { Pid } = (await world.inspect(id)).State;
      if (away) await world.kill();
      for (const monitor of monitors) process.kill(monitor, 'SIGKILL');
      if (away) await world.start();
      const { State } = await world.until(id, (now) => !now.State.Running, 'the end');
      assert.equal(State.Status, 'exited');
      assert.ok([137, 255].includes(State.ExitCode), String(State.ExitCode));
      await eventually(() => !existsSync(`/proc/${Pid}`), deadlineMs, 'the end of the process');
      await world.until(kept, (now) => now.State.Running && now.RestartCount === 1, 'the restart');
      await world.out('start', id);
      assert.equal(await world.out('exec', id, 'echo', 'well'), 'well');
      await world.removeAll();
    }
  });

  it('an init that somebody else killed has ended with 137', async () => {
    for (const away of [false, true]) {
      const id = await world.run([...none], 'sleep', '1000');
      const { Pid } = (await world.inspect(id)).State;
      if (away) await world.kill();
      process.kill(Pid, 'SIGKILL');
      if (away) {
        await eventually(() => existsSync(join(world.statePath(id), 'exit')), deadlineMs, 'the exit record');
        await world.start();
      }
      const { State } = await world.until(id, (now) => !now.State.Running, 'the end');
      assert.deepEqual([State.Status, State.ExitCode, State.OOMKilled], ['exited', 137, false]);
    }
  });

  it('directories that somebody removed are told of, and the container can be stopped and removed', async () => {
    const running = await world.run([...none], 'sleep', '1000');
    await rm(data('containers', running), { recursive: true });
    assert.equal(await world.out('exec', running, 'echo', 'well'), 'well');
    await world.crash();
    assert.equal((await world.inspect(running)).State.Running, true);
    assert.equal(await world.out('exec', running, 'echo', 'well'), 'well');
    await world.out('stop', '-t', '0', running);
    await world.out('start', running);
    await world.out('rm', '-f', running);

    const layerless = await world.out('create', ...none, 'busybox', 'true');
    await rm(data('containers-rw', layerless), { recursive: true });
    const start = await world.docker('start', layerless);
    assert.equal(start.code, 1);
    assert.match(start.stderr, /containers-rw|writable layer/);
    await world.out('rm', layerless);

    const stateless = await world.run([], 'sleep', '1000');
    const { Pid } = (await world.inspect(stateless)).State;
    await rm(world.statePath(stateless), { recursive: true });
    assert.equal(await world.out('exec', stateless, 'echo', 'well'), 'well');
    await world.crash();
    // Nobody can reach its monitor any more: it ends, rather than run on unseen.
    assert.equal((await world.inspect(stateless)).State.Status, 'exited');
    await eventually(() => !existsSync(`/proc/${Pid}`), deadlineMs, 'the end of the process');
    await world.out('start', stateless);
    await world.out('rm', '-f', stateless);

    const [layer = ''] = (await readdir(data('layers'))).filter((name) => !['incoming', 'empty'].includes(name));
    await world.stop();
    await rm(data('layers', layer), { recursive: true });
    await world.start();
    assert.equal(await world.out('run', '--rm', ...none, 'busybox', 'echo', 'repaired'), 'repaired');
  });

  it('a start with --rm that was cut short after its mount can be done again', async () => {
    const id = await world.out('create', '--rm', ...none, '-u', 'ann', 'busybox', 'echo', 'started');
    // What a volatile overlay leaves when nobody unmounts it in order; a killed start leaves no other trace in the row.
    await mkdir(data('containers-rw', id, 'work', 'work', 'incompat', 'volatile'), { recursive: true });
    assert.equal(await world.out('start', '-a', id), 'started');
  });

  it('volumes: an empty directory without a row goes, one with data stays', async () => {
    await world.stop();
    await mkdir(data('volumes', 'undone', '_data'), { recursive: true });
    await mkdir(data('volumes', 'precious', '_data'), { recursive: true });
    await writeFile(data('volumes', 'precious', '_data', 'file'), 'somebody wants this');
    await world.start();
    assert.deepEqual(await readdir(data('volumes')), ['precious']);
    await rm(data('volumes', 'precious'), { recursive: true });
  });

  it('a cgroup below a parent of the user is swept too', async () => {
    const parent = `/ct-test-${process.pid}`;
    const flags = [...none, '--cgroup-parent', parent];
    const groups = async (): Promise<string> =>
      (await runCommand('find', ['/sys/fs/cgroup', '-type', 'd', '-path', `*${parent}/*`], {})).stdout;
    try {
      const removed = await world.run(flags, 'sleep', '1000');
      const ended = await world.run(flags, 'sleep', '1000');
      const half = await world.run(flags, 'sleep', '1000');
      assert.match(await groups(), new RegExp(removed));
      await world.crash();
      assert.equal((await world.inspect(removed)).State.Running, true);
      const monitors = [await monitorOf(ended), await monitorOf(half)];
      await world.out('rm', '-f', removed);
      // The next daemon must not need to know: what was removed is gone by now, whole.
      await world.kill();
      assert.doesNotMatch(await groups(), new RegExp(removed));
      for (const monitor of monitors) process.kill(monitor, 'SIGKILL');
      // As a removal leaves it that was cut off between the end of the process and the release of what it held.
      const removing = "json_remove(json_set(state, '$.status', 'removing'), '$.process')";
      edit(`UPDATE container SET state = ${removing} WHERE id = ?`, half);
      await world.start();
      await eventually(async () => (await groups()) === '', deadlineMs, 'no cgroup');
      assert.match((await world.docker('inspect', half)).stderr, /No such/);
      await world.out('rm', ended);
    } finally {
      await runCommand('sh', ['-c', `find /sys/fs/cgroup -depth -type d -path '*${parent}*' -exec rmdir {} +`], {});
    }
  });

  it('roots and sockets that cannot be used are refused in one clear line', async () => {
    const place = await mkdtemp('/tmp/ct-');
    try {
      await writeFile(join(place, 'file'), '');
      await mkdir(join(place, 'socket'));
      const refused = async (pattern: RegExp, ...args: readonly string[]): Promise<void> => {
        const { code, stderr } = await cortend(place, ...args);
        assert.equal(code, 1, stderr);
        assert.match(stderr, pattern);
        assert.doesNotMatch(stderr, /^\s+at /m);
      };
      await refused(/^cortend: .*file/m, '--data-root', join(place, 'file'));
      await refused(/^cortend: .*file/m, '--exec-root', join(place, 'file', 'below'));
      await refused(/^cortend: .*socket/m, '-H', `unix://${join(place, 'socket')}`);
      await refused(/^cortend: --pidfile .*nowhere/m, '--pidfile', join(place, 'file', 'nowhere'));
      await refused(/^cortend: .*missing\.json/m, '--config-file', join(place, 'missing.json'));
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  });
});

describe('a full disk', { timeout: 120_000 }, () => {
  it('gives clear errors, loses nothing, and lets space be freed by removals', async () => {
    const directory = await mkdtemp('/tmp/ct-');
    const disk = await mkdtemp('/tmp/cd-');
    await command('mount', '-t', 'tmpfs', '-o', 'size=24m', 'corten-test', disk);
    await symlink(disk, join(directory, 'data'));
    const filler = join(disk, 'filler');
    const fill = async (): Promise<void> => {
      await runCommand('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'], {});
    };
    let world: World | undefined;
    try {
      world = await World.open({ directory });
      const full = /no space left on device|disk is full|ENOSPC/i;
      const logging = await world.run([...none], 'sh', '-c', numbered);
      const ending = await world.run(
        [...none, '--name', 'ending'],
        'sh',
        '-c',
        'trap "exit 3" TERM; while true; do sleep 0.02; done',
      );
      const waiting = await world.out('create', ...none, '--name', 'waiting', 'busybox', 'sleep', '1000');
      const large = await world.run(
        [...none],
        'sh',
        '-c',
        'dd if=/dev/zero of=/large bs=1k count=2000 && exec sleep 1000',
      );
      await eventually(
        async () => /2000\+0/.test((await world?.docker('logs', large))?.stderr ?? ''),
        deadlineMs,
        'a large file',
      );
      await fill();

      // Refused while there is still room for the rows of removals.
      const body = { Image: 'busybox', HostConfig: { NetworkMode: 'none' } };
      const extra: string[] = [];
      const createUntilRefused = async (): Promise<string> => {
        while (extra.length < 1000) {
          try {
            extra.push(idOf(await world?.api.call('POST', '/containers/create', body)));
          } catch (error) {
            return String(error);
          }
        }
        return 'never refused';
      };
      assert.match(await createUntilRefused(), full);
      const start = await world.docker('start', waiting);
      assert.equal(start.code, 1);
      assert.match(start.stderr, full);
      assert.equal((await world.inspect(waiting)).State.Status, 'created');
      const archive = await world.daemon.docker(['import', '-'], { input: await readFile('/bin/busybox') });
      assert.notEqual(archive.code, 0);
      const write = await world.docker('exec', logging, 'sh', '-c', 'dd if=/dev/zero of=/file bs=64k count=64');
      assert.match(write.stderr, full);
      await world.out('stop', ending);
      assert.equal((await world.inspect(ending)).State.ExitCode, 3);
      assert.deepEqual((await world.inspect(logging)).State.Running, true);
      await world.out('rename', 'ending', 'ended').catch((error: unknown) => assert.match(String(error), full));

      for (const id of extra) await world.api.call('DELETE', `/containers/${id}`);
      // The way out: removing what takes space must work when there is none.
      await world.out('rm', '-f', large);
      await eventually(
        async () => (await world?.docker('start', waiting))?.code === 0,
        deadlineMs,
        'a start with the space that the removal gave',
      );

      await rm(filler);
      const last = Number((await world.logLines(logging)).at(-1));
      await eventually(
        async () => Number((await world?.logLines(logging))?.at(-1)) > last + 5,
        deadlineMs,
        'the log goes on',
      );
      const lines = (await world.logLines(logging)).map(Number);
      assert.deepEqual(
        lines,
        lines.toSorted((a, b) => a - b),
      );
      await eventually(
        async () => {
          await world?.crash();
          return (await world?.inspect(ending))?.State.ExitCode === 3;
        },
        deadlineMs,
        'the exit code over a crash, once there was room to store it',
      );
      assert.equal(
        await world.out('run', '--rm', '--name', 'new', ...none, 'busybox', 'echo', 'recovered'),
        'recovered',
      );

      // Full again, and killed: the next daemon starts on a full disk.
      await fill();
      await world.kill();
      await world.start();
      assert.equal((await world.inspect(logging)).State.Running, true);
      await rm(filler);
      await world.removeAll();
      await world.assertNothingLeft();
    } finally {
      await rm(filler, { force: true });
      await world?.close();
      await command('umount', disk);
      await rm(disk, { recursive: true });
      await rm(directory, { recursive: true, force: true });
    }
  });
});
