import assert from 'node:assert/strict';
import { runCommand } from '../../support/command.ts';
import { type Case, type Client, suite } from '../suite.ts';

const sh = (script: string): readonly string[] => ['busybox', 'sh', '-c', script];

async function running(client: Client, ...flags: readonly string[]): Promise<void> {
  await client.ok('run', '-d', '--name', 'c1', ...flags, 'busybox', 'sleep', '1000');
}

/** Runs `docker exec ARGS` in a fresh container and compares its standard output. */
const prints = (name: string, expected: string, args: readonly string[], flags: readonly string[] = []): Case => ({
  name,
  async run(client) {
    await running(client, ...flags);
    assert.equal(await client.ok('exec', ...args), expected);
  },
});

const exec: readonly Case[] = [
  prints('output', 'hi', ['c1', 'echo', 'hi']),
  prints(
    'the environment of the container, and more',
    'one two',
    ['-e', 'B=two', 'c1', 'sh', '-c', 'echo $A $B'],
    ['-e', 'A=one'],
  ),
  prints('-w', '/tmp', ['-w', '/tmp', 'c1', 'pwd']),
  prints('the working directory of the container', '/var', ['c1', 'pwd'], ['-w', '/var']),
  prints('-u', '1000 1000', ['-u', 'ann', 'c1', 'sh', '-c', 'echo $(id -u) $(id -g)']),
  prints('the user of the container', '1000', ['c1', 'id', '-u'], ['-u', 'ann']),
  prints('sees the processes of the container', 'sleep 1000', [
    'c1',
    'sh',
    '-c',
    'tr "\\0" " " < /proc/1/cmdline | sed "s/ $//"',
  ]),
  prints('has the capabilities of the container', '00000000a80425fb', [
    'c1',
    'sh',
    '-c',
    "grep CapEff /proc/self/status | awk '{print $2}'",
  ]),
  prints('is under seccomp as well', 'Seccomp:\t2', ['c1', 'grep', '^Seccomp:', '/proc/self/status']),
  prints('does not see a terminal', 'no', ['c1', 'sh', '-c', 'test -t 0 && echo yes || echo no']),
  prints('-t gives one', 'yes\r', ['-t', 'c1', 'sh', '-c', 'test -t 1 && echo yes']),
  {
    name: 'standard error stays apart, the exit code comes back',
    async run(client) {
      await running(client);
      const result = await client.run('exec', 'c1', 'sh', '-c', 'echo out; echo err >&2; exit 9');
      assert.deepEqual([result.code, result.stdout, result.stderr], [9, 'out\n', 'err\n']);
    },
  },
  {
    name: '-i passes standard input and its end',
    async run(client) {
      await running(client);
      assert.equal((await client.withInput('a\nb\n', 'exec', '-i', 'c1', 'wc', '-l')).stdout.trim(), '2');
      assert.equal((await client.withInput('a\nb\n', 'exec', 'c1', 'cat')).stdout, '');
    },
  },
  {
    name: 'a megabyte in and out',
    async run(client) {
      await running(client);
      const data = Buffer.alloc(1024 * 1024, '0123456789');
      assert.equal((await client.withInput(data, 'exec', '-i', 'c1', 'cat')).stdout, data.toString());
    },
  },
  {
    name: '-d returns at once and the process runs',
    async run(client) {
      await running(client);
      await client.ok('exec', '-d', 'c1', 'sh', '-c', 'echo done > /tmp/flag; mkfifo /tmp/f; cat /tmp/f');
      assert.equal(
        await client.ok('exec', 'c1', 'sh', '-c', 'until [ -p /tmp/f ]; do :; done; cat /tmp/flag; echo > /tmp/f'),
        'done',
      );
    },
  },
  {
    name: '127 and 126',
    async run(client) {
      await running(client);
      // Docker 20.10 says it on the stream and calls everything 126; later ones tell 127 from 126.
      const missing = await client.run('exec', 'c1', 'no-such-command');
      assert.match(missing.stdout + missing.stderr, /executable file not found in \$PATH/);
      assert.equal(missing.code, client.isOracle ? 126 : 127);
      const refused = await client.run('exec', 'c1', '/etc/passwd');
      assert.match(refused.stdout + refused.stderr, /permission denied/);
      assert.equal(refused.code, 126);
    },
  },
  {
    name: 'in a container that is not running',
    async run(client) {
      await client.ok('create', '--name', 'c1', 'busybox');
      await client.fails(1, /is not running/, 'exec', 'c1', 'true');
      await client.fails(1, /No such container: ghost/, 'exec', 'ghost', 'true');
    },
  },
  {
    name: 'an unknown user',
    async run(client) {
      await running(client);
      const result = await client.run('exec', '-u', 'ghost', 'c1', 'true');
      assert.match(result.stdout + result.stderr, /unable to find user ghost/);
      assert.equal(result.code, 126);
    },
  },
  {
    name: '--privileged has more capabilities',
    notOnOracle: 'runc fails where CAP_SYS_RESOURCE is missing',
    async run(client) {
      await running(client);
      const own = await client.ok('exec', 'c1', 'grep', 'CapEff', '/proc/self/status');
      assert.notEqual(await client.ok('exec', '--privileged', 'c1', 'grep', 'CapEff', '/proc/self/status'), own);
    },
  },
];

const logs: readonly Case[] = [
  {
    name: 'both streams, apart',
    async run(client) {
      await client.run('run', '--name', 'c1', ...sh('echo out; echo err >&2'));
      const result = await client.run('logs', 'c1');
      assert.deepEqual([result.stdout, result.stderr], ['out\n', 'err\n']);
    },
  },
  {
    name: '--tail',
    async run(client) {
      await client.ok('run', '--name', 'c1', 'busybox', 'seq', '100');
      assert.equal(await client.ok('logs', '--tail', '3', 'c1'), '98\n99\n100');
      assert.equal(await client.ok('logs', '--tail', '0', 'c1'), '');
      assert.equal((await client.ok('logs', '--tail', 'all', 'c1')).split('\n').length, 100);
    },
  },
  {
    name: '-t puts RFC 3339 timestamps before each line',
    async run(client) {
      await client.ok('run', '--name', 'c1', 'busybox', 'echo', 'x');
      assert.match(await client.ok('logs', '-t', 'c1'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z x$/);
    },
  },
  {
    name: '--since and --until',
    async run(client) {
      await client.ok('run', '--name', 'c1', ...sh('echo first; sleep 1; echo second'));
      const stamps = (await client.ok('logs', '-t', 'c1')).split('\n').map((line) => line.split(' ')[0] ?? '');
      assert.equal(await client.ok('logs', '--since', stamps[1] ?? '', 'c1'), 'second');
      const between = new Date((Date.parse(stamps[0] ?? '') + Date.parse(stamps[1] ?? '')) / 2).toISOString();
      assert.equal(await client.ok('logs', '--until', between, 'c1'), 'first');
      assert.equal(await client.ok('logs', '--since', '2099-01-01T00:00:00Z', 'c1'), '');
    },
  },
  {
    name: '-f follows to the end',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...sh('for i in 1 2 3; do echo $i; sleep 0.2; done'));
      assert.equal(await client.ok('logs', '-f', 'c1'), '1\n2\n3');
    },
  },
  {
    name: 'a line without an end, and a very long one',
    async run(client) {
      await client.ok('run', '--name', 'c1', ...sh('head -c 100000 /dev/zero | tr "\\0" x; printf "\\nno end"'));
      assert.equal(await client.ok('logs', 'c1'), `${'x'.repeat(100_000)}\nno end`);
    },
  },
  {
    name: 'characters of JSON and UTF-8 come back unchanged',
    async run(client) {
      const text = 'a"b\\c\td <e>&f ünï 漢字 😀';
      await client.ok('run', '--name', 'c1', 'busybox', 'echo', text);
      assert.equal(await client.ok('logs', 'c1'), text);
    },
  },
  {
    name: 'of a terminal',
    async run(client) {
      await client.ok('run', '-t', '--name', 'c1', 'busybox', 'echo', 'x');
      assert.equal(await client.ok('logs', 'c1'), 'x\r');
    },
  },
  {
    name: '--log-driver none has nothing to read',
    async run(client) {
      await client.ok('run', '--name', 'c1', '--log-driver', 'none', 'busybox', 'echo', 'x');
      await client.fails(1, /configured logging driver does not support reading/, 'logs', 'c1');
    },
  },
  {
    name: '--log-driver local reads back',
    async run(client) {
      await client.ok('run', '--name', 'c1', '--log-driver', 'local', 'busybox', 'seq', '5');
      assert.equal(await client.ok('logs', '--tail', '2', 'c1'), '4\n5');
    },
  },
  {
    name: 'rotation keeps the newest lines and the number of files',
    async run(client) {
      await client.ok(
        'run',
        '--name',
        'c1',
        '--log-opt',
        'max-size=20k',
        '--log-opt',
        'max-file=2',
        'busybox',
        'seq',
        '2000',
      );
      const lines = (await client.ok('logs', 'c1')).split('\n');
      assert.equal(lines.at(-1), '2000');
      assert.ok(lines.length < 2000);
      const path = await client.inspect('c1', '{{.LogPath}}');
      const files = (await runCommand('sh', ['-c', 'ls "$1"*', 'sh', path], {})).stdout.trim().split('\n');
      assert.equal(files.length, 2);
    },
  },
  {
    name: 'of an unknown container',
    run: async (client) => await client.fails(1, /No such container: ghost/, 'logs', 'ghost'),
  },
  {
    name: 'an unknown log driver and a bad option',
    async run(client) {
      await client.fails(125, /nonsense/, 'run', '--log-driver', 'nonsense', 'busybox', 'true');
      await client.fails(125, /nonsense/, 'run', '--log-opt', 'nonsense=1', 'busybox', 'true');
    },
  },
];

suite('docker exec', exec);
suite('docker logs', logs);
