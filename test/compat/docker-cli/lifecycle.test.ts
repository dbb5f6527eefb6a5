import assert from 'node:assert/strict';
import { runCommand } from '../../support/command.ts';
import { type Case, suite } from '../suite.ts';

const sh = (script: string): readonly string[] => ['busybox', 'sh', '-c', script];
/** A container that ends at once on SIGTERM. */
const waiting = sh('trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done');

const lifecycle: readonly Case[] = [
  {
    name: 'create, start, wait, rm',
    async run(client) {
      const id = await client.ok('create', '--name', 'c1', ...sh('exit 3'));
      assert.equal(await client.inspect('c1', '{{.State.Status}} {{.Id}}'), `created ${id}`);
      assert.equal(await client.ok('start', 'c1'), 'c1');
      assert.equal(await client.ok('wait', 'c1'), '3');
      assert.equal(
        await client.inspect('c1', '{{.State.Status}} {{.State.ExitCode}} {{.State.Running}} {{.State.Pid}}'),
        'exited 3 false 0',
      );
      assert.equal(await client.ok('rm', 'c1'), 'c1');
      await client.fails(1, /No such container: c1/, 'start', 'c1');
    },
  },
  {
    name: 'start -a attaches and passes the exit code on',
    async run(client) {
      await client.ok('create', '--name', 'c1', ...sh('echo hello; exit 4'));
      const result = await client.run('start', '-a', 'c1');
      assert.deepEqual([result.code, result.stdout], [4, 'hello\n']);
    },
  },
  {
    name: 'start -ai passes standard input',
    async run(client) {
      await client.ok('create', '-i', '--name', 'c1', 'busybox', 'cat');
      assert.equal((await client.withInput('through\n', 'start', '-ai', 'c1')).stdout, 'through\n');
    },
  },
  {
    name: 'the writable layer survives stop and start',
    async run(client) {
      await client.ok('run', '--name', 'c1', ...sh('echo x >> /data; wc -l < /data'));
      await client.ok('start', 'c1');
      await client.ok('wait', 'c1');
      assert.equal(await client.ok('logs', 'c1'), '1\n2');
    },
  },
  {
    name: 'stop sends SIGTERM and waits',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...waiting);
      assert.equal(await client.ok('stop', 'c1'), 'c1');
      assert.equal(await client.inspect('c1', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 0');
    },
  },
  {
    name: 'stop kills after its timeout',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...sh('trap "" TERM; while :; do sleep 1; done'));
      await client.ok('stop', '-t', '1', 'c1');
      assert.equal(await client.inspect('c1', '{{.State.ExitCode}}'), '137');
    },
  },
  {
    name: '--stop-signal is used',
    async run(client) {
      await client.ok(
        'run',
        '-d',
        '--name',
        'c1',
        '--stop-signal',
        'SIGUSR1',
        ...sh('trap "exit 9" USR1; while :; do sleep 0.05; done'),
      );
      await client.ok('stop', 'c1');
      assert.equal(await client.inspect('c1', '{{.State.ExitCode}}'), '9');
    },
  },
  {
    name: 'stop of a stopped container is fine, kill of one is not',
    async run(client) {
      await client.ok('run', '--name', 'c1', 'busybox', 'true');
      await client.ok('stop', 'c1');
      await client.fails(1, /is not running/, 'kill', 'c1');
    },
  },
  {
    name: 'kill with a given signal, by name and number',
    async run(client) {
      await client.ok(
        'run',
        '-d',
        '--name',
        'c1',
        ...sh('trap "exit 5" USR1; trap "exit 6" USR2; while :; do sleep 0.05; done'),
      );
      await client.ok('kill', '-s', 'USR1', 'c1');
      assert.equal(await client.ok('wait', 'c1'), '5');
      await client.ok('start', 'c1');
      await client.ok('kill', '--signal', '12', 'c1');
      assert.equal(await client.ok('wait', 'c1'), '6');
    },
  },
  {
    name: 'kill without one is SIGKILL',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...waiting);
      await client.ok('kill', 'c1');
      assert.equal(await client.ok('wait', 'c1'), '137');
    },
  },
  {
    name: 'an unknown signal',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...waiting);
      await client.fails(1, /[Ii]nvalid signal/, 'kill', '-s', 'SIGNONSENSE', 'c1');
      assert.equal(await client.inspect('c1', '{{.State.Running}}'), 'true');
    },
  },
  {
    name: 'restart gives a new process',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...waiting);
      const before = await client.inspect('c1', '{{.State.Pid}}');
      await client.ok('restart', '-t', '5', 'c1');
      const after = await client.inspect('c1', '{{.State.Pid}} {{.State.Running}}');
      assert.notEqual(after, `${before} true`);
      assert.match(after, / true$/);
    },
  },
  {
    name: 'pause stops time for it, unpause goes on',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...waiting);
      await client.ok('pause', 'c1');
      assert.equal(
        await client.inspect('c1', '{{.State.Status}} {{.State.Paused}} {{.State.Running}}'),
        'paused true true',
      );
      await client.fails(1, /already paused/, 'pause', 'c1');
      await client.fails(1, /is paused/, 'exec', 'c1', 'true');
      await client.ok('unpause', 'c1');
      assert.equal(await client.inspect('c1', '{{.State.Status}}'), 'running');
      await client.fails(1, /is not paused/, 'unpause', 'c1');
    },
  },
  {
    name: 'rename',
    async run(client) {
      await client.ok('run', '-d', '--name', 'old', ...waiting);
      await client.ok('rename', 'old', 'new');
      assert.equal(await client.inspect('new', '{{.Name}}'), '/new');
      await client.fails(1, /No such (object|container): old/, 'inspect', 'old');
    },
  },
  {
    name: 'a name in use',
    async run(client) {
      await client.ok('create', '--name', 'c1', 'busybox');
      await client.fails(
        125,
        /Conflict\. The container name "\/c1" is already in use by container/,
        'run',
        '--name',
        'c1',
        'busybox',
      );
      await client.ok('create', '--name', 'd1', 'busybox');
      await client.fails(1, /already in use|Conflict/, 'rename', 'd1', 'c1');
    },
  },
  {
    name: 'an invalid name',
    run: async (client) =>
      await client.fails(125, /Invalid container name \(!bad\)/, 'run', '--name', '!bad', 'busybox'),
  },
  {
    name: 'names are generated, ids and prefixes resolve',
    async run(client) {
      const id = await client.ok('create', 'busybox');
      assert.match(await client.inspect(id, '{{.Name}}'), /^\/[a-z]+_[a-z]+\d*$/);
      assert.equal(await client.inspect(id.slice(0, 12), '{{.Id}}'), id);
      assert.equal(await client.inspect(id.slice(0, 4), '{{.Id}}'), id);
    },
  },
  {
    name: 'rm refuses a running container, rm -f does not',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...waiting);
      await client.fails(1, /container is running|You cannot remove a running container/, 'rm', 'c1');
      await client.ok('rm', '-f', 'c1');
      assert.equal(await client.ok('ps', '-aq'), '');
    },
  },
  {
    name: 'rm -f of what is not there',
    async run(client) {
      const result = await client.run('rm', '-f', 'ghost');
      assert.match(result.stderr, /No such container: ghost/);
    },
  },
  {
    name: '--rm removes it after the exit',
    async run(client) {
      await client.ok('run', '--rm', '--name', 'c1', 'busybox', 'true');
      await client.fails(1, /No such (object|container): c1/, 'inspect', 'c1');
    },
  },
  {
    name: '--rm with a restart policy conflicts',
    run: async (client) =>
      await client.fails(125, /[Cc]onflicting options/, 'run', '--rm', '--restart', 'always', 'busybox'),
  },
  {
    name: '--restart on-failure:2 starts it three times in all',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', '--restart', 'on-failure:2', ...sh('echo run; exit 1'));
      await client.ok('events', '--until', String(Math.floor(Date.now() / 1000) + 3), '--filter', 'container=c1');
      assert.equal(await client.inspect('c1', '{{.RestartCount}} {{.State.Status}}'), '2 exited');
      assert.equal(await client.ok('logs', 'c1'), 'run\nrun\nrun');
    },
  },
  {
    name: '--restart on-failure leaves a success alone',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', '--restart', 'on-failure', 'busybox', 'true');
      await client.ok('wait', 'c1');
      assert.equal(await client.inspect('c1', '{{.RestartCount}}'), '0');
    },
  },
  {
    name: '--restart always comes back after a kill of its process, not after stop',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', '--restart', 'always', ...waiting);
      const pid = await client.inspect('c1', '{{.State.Pid}}');
      process.kill(Number(pid), 'SIGKILL');
      const deadline = Date.now() + 20_000;
      for (;;) {
        const state = await client.inspect('c1', '{{.State.Status}} {{.State.Pid}}');
        if (state.startsWith('running') && state !== `running ${pid}`) break;
        assert.ok(Date.now() < deadline, state);
      }
      await client.ok('stop', 'c1');
      assert.equal(await client.inspect('c1', '{{.State.Status}}'), 'exited');
    },
  },
  {
    name: 'update changes limits and the restart policy of a running container',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', '-m', '64m', '--memory-swap', '64m', ...waiting);
      await client.ok('update', '-m', '32m', '--memory-swap', '32m', '--restart', 'on-failure:5', 'c1');
      assert.equal(
        await client.inspect(
          'c1',
          '{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}',
        ),
        '33554432 on-failure 5',
      );
    },
  },
  {
    name: 'wait on several, each with its code',
    async run(client) {
      await client.ok('run', '-d', '--name', 'a1', ...sh('exit 1'));
      await client.ok('run', '-d', '--name', 'b1', ...sh('exit 2'));
      assert.equal(await client.ok('wait', 'a1', 'b1'), '1\n2');
    },
  },
  {
    name: 'attach sees what comes, and stdin arrives',
    async run(client) {
      await client.ok('run', '-di', '--name', 'c1', ...sh('read line; echo "got $line"; sleep 1'));
      // The input stays open for a while: Docker's attach gives up on the output as soon as its input ends.
      const script = '(echo word; sleep 1) | docker -H "unix://$1" attach c1';
      const result = await runCommand('sh', ['-c', script, 'sh', client.daemon.socket], {});
      assert.equal(result.stdout, 'got word\n');
    },
  },
  {
    name: 'attach to a stopped container',
    async run(client) {
      await client.ok('create', '--name', 'c1', 'busybox');
      await client.fails(
        1,
        /[Yy]ou cannot attach to a stopped container|cannot attach to a stopped container/,
        'attach',
        'c1',
      );
    },
  },
  {
    name: 'container prune removes the stopped ones alone',
    async run(client) {
      const stopped = await client.ok('create', 'busybox');
      const running = await client.ok('run', '-d', ...waiting);
      const output = await client.ok('container', 'prune', '-f');
      assert.match(output, new RegExp(stopped));
      assert.doesNotMatch(output, new RegExp(running));
      assert.equal(await client.ok('ps', '-aq', '--no-trunc'), running);
    },
  },
  {
    name: 'top',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', 'busybox', 'sleep', '1000');
      assert.match(
        await client.ok('top', 'c1'),
        /^UID\s+PID\s+PPID\s+C\s+STIME\s+TTY\s+TIME\s+CMD\nroot\s+\d+\s.*sleep 1000$/,
      );
      assert.match(await client.ok('top', 'c1', '-o', 'pid,comm'), /^PID\s+COMMAND\n\d+\s+sleep$/);
    },
  },
  {
    name: 'diff: changed, added, deleted',
    async run(client) {
      await client.ok(
        'run',
        '--name',
        'c1',
        ...sh('echo x > /etc/passwd; mkdir /new; touch /new/file; rm /var/www/index.html'),
      );
      // Whether the parents of a changed directory are listed depends on how Docker's storage driver compares.
      const changes = (await client.ok('diff', 'c1')).split('\n').filter((line) => line !== 'C /var');
      assert.deepEqual(changes.toSorted(), [
        'A /new',
        'A /new/file',
        'C /etc',
        'C /etc/passwd',
        'C /var/www',
        'D /var/www/index.html',
      ]);
    },
  },
  {
    name: 'stats, once',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', '-m', '64m', ...waiting);
      assert.match(
        await client.ok('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}} {{.PIDs}}', 'c1'),
        /^c1 [\d.]+[kKM]i?B \/ 64MiB \d+$/,
      );
    },
  },
  {
    name: 'a terminal: output has carriage returns, and TERM',
    async run(client) {
      assert.equal(await client.ok('run', '--rm', '-t', ...sh('echo $TERM; test -t 1 && echo tty')), 'xterm\r\ntty\r');
    },
  },
];

suite('docker: the life of a container', lifecycle);
