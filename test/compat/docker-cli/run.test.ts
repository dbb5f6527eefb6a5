import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Case, type Client, suite } from '../suite.ts';

/** A case that runs `docker run --rm ARGS` and compares its standard output. */
const prints = (name: string, expected: string | RegExp, ...args: readonly string[]): Case => ({
  name,
  async run(client) {
    const output = await client.ok('run', '--rm', ...args);
    if (typeof expected === 'string') assert.equal(output, expected);
    else assert.match(output, expected);
  },
});

const refuses = (name: string, code: number, message: RegExp, ...args: readonly string[]): Case => ({
  name,
  run: async (client) => await client.fails(code, message, 'run', '--rm', ...args),
});

const exits = (name: string, code: number, ...args: readonly string[]): Case => ({
  name,
  async run(client) {
    assert.equal((await client.run('run', '--rm', ...args)).code, code);
  },
});

const noLeftovers = async (client: Client): Promise<void> => assert.equal(await client.ok('ps', '-aq'), '');

const sh = (script: string): readonly string[] => ['busybox', 'sh', '-c', script];

const output: readonly Case[] = [
  prints('standard output', 'hi', 'busybox', 'echo', 'hi'),
  {
    name: 'standard error stays apart',
    async run(client) {
      const result = await client.run('run', '--rm', ...sh('echo out; echo err >&2'));
      assert.deepEqual([result.stdout, result.stderr, result.code], ['out\n', 'err\n', 0]);
    },
  },
  {
    name: 'every byte value passes',
    async run(client) {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
      const result = await client.withInput(bytes, 'run', '--rm', '-i', 'busybox', 'md5sum');
      assert.match(result.stdout, /^e2c865db4162bed963bfaa9ef6ac18f0 /);
    },
  },
  prints('a megabyte of output, complete', '1048576', ...sh('head -c 1048576 /dev/zero | wc -c')),
  {
    name: 'three megabytes through attach arrive whole',
    async run(client) {
      const result = await client.run('run', '--rm', ...sh('yes 0123456789abcde | head -n 196608'));
      assert.equal(result.stdout.length, 3 * 1024 * 1024);
    },
  },
  {
    name: 'standard input reaches the process and ends',
    async run(client) {
      assert.equal(
        (await client.withInput('one\ntwo\n', 'run', '--rm', '-i', 'busybox', 'wc', '-l')).stdout.trim(),
        '2',
      );
    },
  },
  {
    name: 'without -i there is no standard input',
    async run(client) {
      assert.equal((await client.withInput('ignored', 'run', '--rm', 'busybox', 'cat')).stdout, '');
    },
  },
  {
    name: 'a large standard input (2 MiB) passes through',
    async run(client) {
      const result = await client.withInput(
        Buffer.alloc(2 * 1024 * 1024, 'x'),
        'run',
        '--rm',
        '-i',
        'busybox',
        'wc',
        '-c',
      );
      assert.equal(result.stdout.trim(), String(2 * 1024 * 1024));
    },
  },
  {
    name: '-d prints the id alone',
    async run(client) {
      assert.match(await client.ok('run', '-d', 'busybox', 'true'), /^[0-9a-f]{64}$/);
    },
  },
  {
    name: '--cidfile holds the id',
    async run(client) {
      const directory = await mkdtemp('/tmp/ct-cid-');
      try {
        const id = await client.ok('run', '-d', '--cidfile', join(directory, 'cid'), 'busybox', 'true');
        assert.equal(await readFile(join(directory, 'cid'), 'utf8'), id);
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  },
];

const exitCodes: readonly Case[] = [
  exits('success is 0', 0, 'busybox', 'true'),
  exits('failure is 1', 1, 'busybox', 'false'),
  exits('the own exit code', 42, ...sh('exit 42')),
  exits('255', 255, ...sh('exit 255')),
  exits('a signal is 128 more', 137, '--init', ...sh('kill -9 $$')),
  exits('PID 1 is immune to its own SIGKILL', 5, ...sh('kill -9 $$; exit 5')),
  exits('SIGTERM on itself, PID 1 ignores it', 0, ...sh('kill -15 $$; exit 0')),
  refuses('127: command not found', 127, /executable file not found in \$PATH/, 'busybox', 'no-such-command'),
  refuses('127: absolute path that is missing', 127, /no such file or directory/, 'busybox', '/no/such/file'),
  refuses('126: not executable', 126, /permission denied/, 'busybox', '/etc/passwd'),
  refuses('126: a directory', 126, /(permission denied|is a directory)/, 'busybox', '/etc'),
  {
    name: 'a failed start leaves nothing with --rm',
    run: async (client) => {
      await client.run('run', '--rm', 'busybox', 'no-such-command');
      await noLeftovers(client);
    },
  },
  {
    name: 'a failed start is kept without --rm, with its exit code and error',
    async run(client) {
      await client.run('run', '--name', 'failed', 'busybox', 'no-such-command');
      assert.equal(await client.inspect('failed', '{{.State.Status}} {{.State.ExitCode}}'), 'created 127');
      assert.match(await client.inspect('failed', '{{.State.Error}}'), /executable file not found/);
    },
  },
];

const process: readonly Case[] = [
  prints('PID 1 of its own', '1', ...sh('echo $$')),
  prints('the hostname is the short id', /^[0-9a-f]{12}$/, 'busybox', 'hostname'),
  prints('--hostname', 'web', '--hostname', 'web', 'busybox', 'hostname'),
  prints(
    '--domainname',
    'example.test',
    '--hostname',
    'web',
    '--domainname',
    'example.test',
    'busybox',
    'cat',
    '/proc/sys/kernel/domainname',
  ),
  prints('--workdir', '/tmp', '-w', '/tmp', 'busybox', 'pwd'),
  prints('--workdir is created', '/a/b/c', '-w', '/a/b/c', 'busybox', 'pwd'),
  prints('-e', 'x y', '-e', 'A=x y', ...sh('echo "$A"')),
  prints('-e with an empty value', '[]', '-e', 'A=', ...sh('echo "[$A]"')),
  prints('-e twice: the last one counts', '2', '-e', 'A=1', '-e', 'A=2', ...sh('echo $A')),
  prints('PATH of the image', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...sh('echo $PATH')),
  prints('HOME of root', '/root', ...sh('echo $HOME')),
  prints('HOME of a named user', '/home/ann', '-u', 'ann', ...sh('echo $HOME')),
  prints('HOSTNAME is set', 'web', '-h', 'web', ...sh('echo $HOSTNAME')),
  prints('TERM only with a terminal', '[]', ...sh('echo "[$TERM]"')),
  {
    name: '--env-file, with comments and empty lines',
    async run(client) {
      const directory = await mkdtemp('/tmp/ct-env-');
      try {
        await writeFile(join(directory, 'env'), '# a comment\nA=1\n\nB=two words\n');
        assert.equal(
          await client.ok('run', '--rm', '--env-file', join(directory, 'env'), ...sh('echo "$A $B"')),
          '1 two words',
        );
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  },
  prints('--entrypoint replaces, arguments are appended', 'a b', '--entrypoint', 'echo', 'busybox', 'a', 'b'),
  prints(
    'the default command of the image',
    'from-shell',
    '-i',
    '--entrypoint',
    'sh',
    'busybox',
    '-c',
    'echo from-shell',
  ),
  prints('-u by number', '1234 0', '-u', '1234', ...sh('echo $(id -u) $(id -g)')),
  prints('-u by number and group', '1234 5678', '-u', '1234:5678', ...sh('echo $(id -u) $(id -g)')),
  prints(
    '-u by name takes group and supplementary groups',
    '1000 1000 1000 50',
    '-u',
    'ann',
    ...sh('echo $(id -u) $(id -g) $(id -G)'),
  ),
  prints('-u name:group', '1000 100', '-u', 'ann:users', ...sh('echo $(id -u) $(id -g)')),
  prints('-u number that is in passwd takes its group', '1000 1000', '-u', '1000', ...sh('echo $(id -u) $(id -g)')),
  prints(
    '--group-add by name and number',
    /\b50\b.*\b777\b/,
    '--group-add',
    'staff',
    '--group-add',
    '777',
    'busybox',
    'id',
    '-G',
  ),
  refuses(
    'an unknown user',
    125,
    /unable to find user ghost: no matching entries in passwd file/,
    '-u',
    'ghost',
    'busybox',
    'true',
  ),
  refuses(
    'an unknown group',
    125,
    /unable to find group ghosts: no matching entries in group file/,
    '-u',
    'root:ghosts',
    'busybox',
    'true',
  ),
  prints('--init: the command is not PID 1', /^[^1]\d*$/, '--init', ...sh('echo $$')),
  exits('--init passes the exit code on', 7, '--init', ...sh('exit 7')),
  prints('--ulimit', '123', '--ulimit', 'nofile=123:456', ...sh('ulimit -n')),
  prints('--ulimit, the hard limit', '456', '--ulimit', 'nofile=123:456', ...sh('ulimit -Hn')),
  prints('--sysctl', '7', '--sysctl', 'kernel.msgmax=7', ...sh('cat /proc/sys/kernel/msgmax')),
  prints('--shm-size', /\b16384\b/, '--shm-size', '16m', ...sh('df -k /dev/shm | tail -1')),
  prints('--read-only', 'refused', '--read-only', ...sh('touch /x 2>/dev/null || echo refused')),
  prints(
    '--tmpfs is writable with --read-only',
    'ok',
    '--read-only',
    '--tmpfs',
    '/scratch:size=1m',
    ...sh('touch /scratch/x && echo ok'),
  ),
  prints('--oom-score-adj', '300', '--oom-score-adj', '300', ...sh('cat /proc/self/oom_score_adj')),
];

const isolation: readonly Case[] = [
  prints('the default capabilities', '00000000a80425fb', ...sh("grep CapEff /proc/self/status | awk '{print $2}'")),
  prints('no inheritable capabilities', '0000000000000000', ...sh("grep CapInh /proc/self/status | awk '{print $2}'")),
  prints(
    '--cap-drop ALL',
    '0000000000000000',
    '--cap-drop',
    'ALL',
    ...sh("grep CapEff /proc/self/status | awk '{print $2}'"),
  ),
  prints(
    '--cap-add NET_ADMIN',
    '00000000a80435fb',
    '--cap-add',
    'NET_ADMIN',
    ...sh("grep CapEff /proc/self/status | awk '{print $2}'"),
  ),
  prints(
    '--cap-drop with the CAP_ prefix, in small letters',
    '00000000a80425fa',
    '--cap-drop',
    'cap_chown',
    ...sh("grep CapEff /proc/self/status | awk '{print $2}'"),
  ),
  prints(
    'a user without root has none',
    '0000000000000000',
    '-u',
    '1000',
    ...sh("grep CapEff /proc/self/status | awk '{print $2}'"),
  ),
  prints('seccomp filters', 'Seccomp:\t2', ...sh('grep ^Seccomp: /proc/self/status')),
  prints(
    '--security-opt seccomp=unconfined',
    'Seccomp:\t0',
    '--security-opt',
    'seccomp=unconfined',
    ...sh('grep ^Seccomp: /proc/self/status'),
  ),
  prints(
    '--security-opt no-new-privileges',
    'NoNewPrivs:\t1',
    '--security-opt',
    'no-new-privileges',
    ...sh('grep ^NoNewPrivs /proc/self/status'),
  ),
  prints('no new namespaces', /refused/, ...sh('unshare -U true 2>/dev/null || echo refused')),
  prints('mounting is refused', /refused/, ...sh('mount -t tmpfs x /tmp 2>/dev/null || echo refused')),
  prints(
    '/proc/sysrq-trigger is read-only',
    'refused',
    ...sh('(echo h > /proc/sysrq-trigger) 2>/dev/null || echo refused'),
  ),
  prints('/proc/keys is masked', '0', ...sh('wc -c < /proc/keys')),
  prints('/sys is read-only', 'refused', ...sh('(echo 0 > /sys/kernel/mm/ksm/run) 2>/dev/null || echo refused')),
  prints('the processes of the host are invisible', '1', ...sh('ls /proc | grep -c "^1$"; true')),
  prints(
    'the device nodes',
    'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero',
    ...sh('cd /dev; echo * | sed "s/^core //"'),
  ),
  prints('/dev/null works', 'ok', ...sh('echo x > /dev/null && echo ok')),
  // docker's client takes 127 from the words.
  refuses('a device that is not there', 127, /\/dev\/nonsense/, '--device', '/dev/nonsense', 'busybox', 'true'),
  refuses(
    'pid mode of a missing container',
    125,
    /No such container: ghost/,
    '--pid',
    'container:ghost',
    'busybox',
    'true',
  ),
  refuses(
    'an unknown capability',
    125,
    /[Ii]nvalid.*CAP.*NONSENSE|NONSENSE/,
    '--cap-add',
    'NONSENSE',
    'busybox',
    'true',
  ),
  {
    name: '--privileged has every capability the daemon itself has, and no filter',
    notOnOracle: 'runc fails where CAP_SYS_RESOURCE is missing',
    async run(client) {
      const own = /CapPrm:\t(\w+)/.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
      assert.equal(
        await client.ok(
          'run',
          '--rm',
          '--privileged',
          ...sh("grep CapEff /proc/self/status | awk '{print $2}'; grep ^Seccomp: /proc/self/status"),
        ),
        `${own}\nSeccomp:\t0`,
      );
    },
  },
];

const resources: readonly Case[] = [
  {
    name: '-m: the memory hog dies and the container says OOMKilled',
    async run(client) {
      const result = await client.run(
        'run',
        '--name',
        'hog',
        '-m',
        '16m',
        '--memory-swap',
        '16m',
        ...sh('a=x; while :; do a=$a$a; done'),
      );
      assert.equal(result.code, 137);
      assert.equal(await client.inspect('hog', '{{.State.OOMKilled}}'), 'true');
    },
  },
  {
    name: '--pids-limit stops a fork bomb',
    run: async (client) => {
      const result = await client.run(
        'run',
        '--rm',
        '--pids-limit',
        '10',
        ...sh('i=0; while [ $i -lt 30 ]; do sleep 2 & i=$((i+1)); done; wait'),
      );
      assert.match(result.stderr, /can't fork/);
    },
  },
  {
    name: 'limits are shown by inspect',
    async run(client) {
      await client.ok(
        'create',
        '--name',
        'limited',
        '-m',
        '64m',
        '--cpus',
        '0.5',
        '--cpu-shares',
        '512',
        '--pids-limit',
        '99',
        'busybox',
      );
      assert.equal(
        await client.inspect(
          'limited',
          '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}} {{.HostConfig.PidsLimit}}',
        ),
        '67108864 500000000 512 99',
      );
    },
  },
  refuses('too little memory', 125, /[Mm]inimum memory limit allowed is/, '-m', '1m', 'busybox', 'true'),
  refuses(
    'swap below memory',
    125,
    /[Mm]inimum memoryswap limit should be larger than memory limit/,
    '-m',
    '32m',
    '--memory-swap',
    '16m',
    'busybox',
    'true',
  ),
  refuses(
    '--cpus with --cpu-quota',
    125,
    /Conflicting options/,
    '--cpus',
    '1',
    '--cpu-quota',
    '1000',
    'busybox',
    'true',
  ),
];

suite('docker run: streams', output);
suite('docker run: exit codes', exitCodes);
suite('docker run: the process', process);
suite('docker run: isolation', isolation);
suite('docker run: resources', resources);
