import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Sandbox } from './sandbox.ts';

describe('starting a container', () => {
  let sandbox: Sandbox;
  before(() => {
    sandbox = new Sandbox();
  });
  after(() => sandbox.close());

  test('output, exit code and standard streams', async () => {
    const { exit, stdout, stderr } = await sandbox.run('echo out; echo err >&2; exit 3');
    assert.equal(stdout, 'out\n');
    assert.equal(stderr, 'err\n');
    assert.equal(exit.exitCode, 3);
    assert.equal(exit.oomKilled, false);
  });

  test('it is PID 1 of its own namespaces, with its own host name and without the host’s files', async () => {
    const { stdout } = await sandbox.run('echo $$; hostname; ls /; ls /proc/1/root/bin/busybox');
    const lines = stdout.split('\n');
    assert.equal(lines[0], '1');
    assert.equal(lines[1], 'fixture');
    assert.deepEqual(lines.slice(2, -2).sort(), ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'tmp']);
  });

  test('user, groups, home, working directory (made when missing) and environment', async () => {
    const { stdout } = await sandbox.run('id; pwd; echo $HOME $FOO', {
      effective: { user: 'ann', workingDirectory: '/home/ann/new', env: ['FOO=bar'] },
    });
    assert.deepEqual(stdout.trim().split('\n'), [
      'uid=1000(ann) gid=1001(ann) groups=50(staff),1001(ann)',
      '/home/ann/new',
      '/home/ann bar',
    ]);
  });

  test('a command that is not there, or cannot be executed, is named; nothing is left', async () => {
    const start = (path: string) => sandbox.start('', { effective: { path, args: [] } });
    await assert.rejects(start('nope'), {
      code: 'command-not-found',
      message: /"nope": executable file not found in \$PATH/,
    });
    await assert.rejects(start('/bin/nope'), { code: 'command-not-found', message: /no such file or directory/ });
    await assert.rejects(start('/etc/not-executable'), {
      code: 'command-not-executable',
      message: /permission denied/,
    });
    assert.deepEqual(await sandbox.runtime.leftovers(), []);
  });

  test('a bind whose source is missing fails with both paths; nothing is left', async () => {
    const mount = {
      type: 'bind',
      name: undefined,
      source: '/nonexistent-source',
      target: '/data',
      readOnly: false,
      propagation: '',
      recursive: true,
      options: [],
      mode: '',
    } as const;
    await assert.rejects(sandbox.start('true', { mounts: [mount] }), /\/nonexistent-source.*\/data.*no such file/);
    assert.deepEqual(await sandbox.runtime.leftovers(), []);
  });

  test('mounts: bound directories, read-only ones, a tmpfs with its size, an inner after an outer one', async () => {
    const bind = (source: string, target: string, readOnly: boolean) => ({
      type: 'bind' as const,
      name: undefined,
      source,
      target,
      readOnly,
      propagation: '',
      recursive: true,
      options: [],
      mode: '',
    });
    const { stdout } = await sandbox.run(
      'touch /data/a 2>&1; touch /data/inner/b && echo wrote; df -k /small | tail -n 1 | tr -s " "',
      {
        mounts: [bind(sandbox.rootDirectory, '/data', true), bind('/tmp', '/data/tmp', true)],
        host: { tmpfs: { '/small': 'size=1m', '/data/home': '' } },
      },
    );
    assert.match(stdout, /\/data\/a: Read-only file system/);
    assert.match(stdout, / 1024 /);
  });

  test('a read-only root', async () => {
    const { stdout } = await sandbox.run('touch /x 2>&1; touch /dev/shm/x && echo ok', {
      host: { readOnlyRoot: true },
    });
    assert.match(stdout, /\/x: Read-only file system\nok/);
  });

  test('limits of the process, sysctls, /dev/shm and devices', async () => {
    const script = [
      'ulimit -n',
      'cat /proc/sys/net/core/somaxconn',
      'df -k /dev/shm | tail -n 1 | tr -s " "',
      'ls -l /dev/mynull',
      'echo x > /dev/mynull && echo written',
      'cat /proc/1/oom_score_adj',
    ].join('\n');
    const { stdout, stderr } = await sandbox.run(script, {
      host: {
        ulimits: [{ name: 'nofile', soft: 100, hard: 200 }],
        sysctls: { 'net.core.somaxconn': '77' },
        shmSizeBytes: 2 * 1024 * 1024,
        devices: [{ hostPath: '/dev/null', containerPath: '/dev/mynull', permissions: 'rwm' }],
        oomScoreAdjust: 700,
      },
    });
    assert.equal(stderr, '');
    assert.match(stdout, /^100\n77\nshm 2048 .*\ncrw-rw-rw-.*1, +3 .*\nwritten\n700\n$/);
  });

  test('init: the command is not PID 1, and is reaped', async () => {
    const { stdout, exit } = await sandbox.run('echo $$; exit 4', {}, { init: true });
    assert.notEqual(stdout.trim(), '1');
    assert.equal(exit.exitCode, 4);
  });

  test('a signal ends it: 128 + its number', async () => {
    const started = await sandbox.start('trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done');
    await until(() => sandbox.output(started) !== '');
    assert.equal(await started.container.kill(15), true);
    assert.equal((await started.finish()).exit.exitCode, 9);
    const other = await sandbox.start('sleep 1000');
    assert.equal(await other.container.kill(9), true);
    assert.equal((await other.finish()).exit.exitCode, 137);
    assert.equal(await other.container.kill(9), false);
  });

  test('an overlay root: changes go to the upper directory only', async () => {
    const { mkdirSync, readdirSync } = await import('node:fs');
    const upper = `${sandbox.directory}/upper`;
    const work = `${sandbox.directory}/work`;
    mkdirSync(upper);
    mkdirSync(work);
    const root = { kind: 'overlay' as const, layersDirectory: sandbox.directory, lower: ['rootfs'], upper, work };
    const { exit } = await sandbox.run('echo x > /new; rm /etc/not-executable', {}, { root });
    assert.equal(exit.exitCode, 0);
    assert.ok(readdirSync(upper).includes('new'));
    assert.ok(!readdirSync(sandbox.rootDirectory).includes('new'));
  });

  test('a terminal', async () => {
    const { stdout } = await sandbox.run(
      'tty; test -t 0 && echo terminal; stty size; test -c /dev/console && echo console',
      {
        configuration: { tty: true },
        host: { consoleSize: [24, 80] },
      },
    );
    assert.match(stdout, /\/dev\/(pts\/0|console)\r\nterminal\r\n24 80\r\nconsole\r\n/);
  });
});

async function until(condition: () => boolean): Promise<void> {
  const { eventually } = await import('../../support/eventually.ts');
  await eventually(condition, 20_000);
}
