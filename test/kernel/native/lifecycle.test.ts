import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Socket } from 'node:net';
import { type Monitor, readExitRecord, reconnectMonitor, spawnMonitor } from '../../../src/runtime/monitor.ts';
import type { LaunchPlan } from '../../../src/runtime/plan.ts';
import type { ProcessRecord } from '../../../src/runtime/types.ts';
import {
  binaryPath,
  Client,
  containerPlan,
  deadline,
  everything,
  hostPlan,
  makeWorkspace,
  type PlanOptions,
  run,
  start,
  usualMounts,
  type Workspace,
} from './container.ts';
import { eventually } from '../../support/eventually.ts';

const recordOf = (monitor: Monitor): ProcessRecord => ({
  pid: monitor.pid,
  startTime: monitor.startTime,
  monitorPid: monitor.monitorPid,
  monitorStartTime: monitor.monitorStartTime,
  stateDirectory: '',
  cgroupPath: '',
});

describe('life of a monitor', { timeout: 120_000 }, () => {
  let workspace: Workspace;
  let descriptorsBefore = 0;
  before(() => {
    workspace = makeWorkspace();
  });
  after(() => workspace.remove());

  const container = (script: string, options?: PlanOptions): LaunchPlan =>
    containerPlan(workspace, ['sh', '-c', script], options);

  test('a container has namespaces and a PID 1 of its own, and leaves nothing behind', async () => {
    await run(container('true'));
    descriptorsBefore = readdirSync('/proc/self/fd').length;
    const own = readFileSync('/proc/self/mountinfo', 'utf8').length;
    const result = await run(
      container('echo $$; readlink /proc/self/ns/pid; readlink /proc/self/ns/mnt; echo written > /file; exit 9', {
        readOnly: false,
      }),
    );
    const [pid, ...namespaces] = result.stdout.trimEnd().split('\n');
    assert.equal(pid, '1');
    assert.equal(namespaces.length, 2);
    assert.equal(result.exitCode, 9);
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').length, own);
    assert.equal(readdirSync('/proc/self/fd').length, descriptorsBefore, 'no descriptor is left open');
  });

  test('a read-only root, binds with attributes, recursive read-only', async () => {
    const source = join(workspace.directory, 'volume');
    mkdirSync(source);
    writeFileSync(join(source, 'file'), 'content\n');
    const script =
      'cat /data/new/file /one; touch /data/new/x 2>/dev/null || echo ro-bind; touch /x 2>/dev/null || echo ro-root; ' +
      'touch /tmp/inner/x 2>/dev/null || echo ro-inner; touch /rw/made && echo rw';
    const result = await run(
      container(script, {
        readOnly: true,
        before: [
          {
            op: 'bind',
            source,
            path: '/data/new',
            recursive: false,
            attributes: { readOnly: true, noExec: true },
            createTarget: true,
          },
          {
            op: 'bind',
            source: join(source, 'file'),
            path: '/one',
            recursive: false,
            attributes: {},
            createTarget: true,
          },
          { op: 'bind', source, path: '/rw', recursive: false, attributes: {}, createTarget: true },
          { op: 'mount', type: 'tmpfs', source: 'tmpfs', path: '/tmp', attributes: {}, options: ['mode=1777'] },
          // Of the host, with mounts below it: every one of them becomes read-only.
          {
            op: 'bind',
            source: '/dev',
            path: '/tmp/inner',
            recursive: true,
            attributes: { readOnly: true },
            createTarget: true,
          },
        ],
      }),
    );
    assert.equal(result.stdout, 'content\ncontent\nro-bind\nro-root\nro-inner\nrw\n');
    assert.ok(existsSync(join(source, 'made')));
  });

  test('an init stays as PID 1: passes signals on, ends as its command does', async () => {
    const script = 'trap "echo got; exit 42" USR1; echo $$; echo ready; while :; do sleep 0.05; done';
    const { monitor, client } = await start(container(script, { init: true }));
    await client.until((text) => text.includes('ready'));
    assert.notEqual(client.frames.split('\n')[0], '1');
    await monitor.kill(10);
    await client.ended();
    assert.match(client.frames, /got\n$/);
    assert.equal((await monitor.exited).exitCode, 42);
    await monitor.released;
  });

  test('orphans do not stay as zombies under an init', async () => {
    const { monitor, client } = await start(
      container('sh -c "sleep 0.01 & exit 0"; echo up; exec sleep 1000', { init: true }),
    );
    await client.until((text) => text.includes('up'));
    const children = (): readonly string[] =>
      readdirSync('/proc').filter((name) => {
        try {
          return /^\d+$/.test(name) && readFileSync(`/proc/${name}/status`, 'utf8').includes(`PPid:\t${monitor.pid}\n`);
        } catch {
          return false;
        }
      });
    await eventually(() => children().length === 1, 30_000, 'the orphan is reaped');
    await monitor.kill(15);
    assert.equal((await deadline(monitor.exited, 'exit')).exitCode, 143);
    await monitor.released;
  });

  test('a failed operation is named by its index and errno, and nothing is left', async () => {
    const plan = container('true', {
      before: [{ op: 'mount', type: 'no-such-type', source: 'x', path: '/tmp', attributes: {}, options: [] }],
    });
    await assert.rejects(spawnMonitor(plan, { binaryPath }), {
      name: 'LaunchError',
      code: 'launch-failed',
      operation: 2 + usualMounts.length,
      errnoName: 'ENODEV',
    });
    assert.ok(!existsSync(plan.monitor.socketPath));
    assert.ok(!existsSync(plan.monitor.exitPath));
  });

  test('a bind whose source is missing fails by its own index', async () => {
    const plan = container('true', {
      before: [{ op: 'bind', source: '/no/such', path: '/tmp', recursive: false, attributes: {}, createTarget: false }],
    });
    await assert.rejects(spawnMonitor(plan, { binaryPath }), {
      operation: 2 + usualMounts.length,
      errnoName: 'ENOENT',
    });
  });

  for (const [what, command, expected] of [
    [
      'is not in PATH',
      ['nothing'],
      { code: 'command-not-found', message: /exec: "nothing": executable file not found in \$PATH/ },
    ],
    [
      'does not exist',
      ['/bin/nothing'],
      { code: 'command-not-found', message: /stat \/bin\/nothing: no such file or directory/ },
    ],
    ['is a directory', ['/etc'], { code: 'command-not-executable', message: /exec: "\/etc": permission denied/ }],
    ['is empty', [''], { code: 'command-not-found' }],
  ] as const) {
    test(`a command that ${what}`, async () => {
      await assert.rejects(run(containerPlan(workspace, command)), expected);
      await assert.rejects(run(containerPlan(workspace, command, { init: true })), expected);
    });
  }

  test('PATH of the environment decides, the first match wins, a directory is passed over', async () => {
    const options = { environment: ['PATH=/nowhere:/etc:/bin'] };
    assert.equal((await run(containerPlan(workspace, ['echo', 'found'], options))).stdout, 'found\n');
  });

  test('the daemon may die: the monitor goes on, is found again, and loses nothing', async () => {
    const plan = hostPlan(workspace, ['sh', '-c', 'while read line; do echo "<$line>"; done; exit 11'], {
      monitor: { openStdin: true, stdinOnce: false },
      log: { driver: 'json-file' },
    });
    const record = await startedByAnotherProcess(plan);
    const monitor = await deadline(reconnectMonitor(record, plan.monitor), 'the reconnection');
    assert.ok(monitor !== undefined);
    assert.deepEqual(recordOf(monitor), { ...record });
    const client = new Client((await monitor.attach(everything)).output as Socket);
    client.socket.write('still here\n');
    await client.until((text) => text.includes('<still here>'));
    await monitor.closeStdin();
    assert.equal((await deadline(monitor.exited, 'exit')).exitCode, 11);
    await deadline(monitor.released, 'release');
    await client.ended();
    assert.equal(readExitRecord(plan.monitor.exitPath)?.exitCode, 11);
    assert.match(readFileSync(plan.monitor.log.path, 'utf8'), /still here/);
    assert.equal(await reconnectMonitor(record, plan.monitor), undefined);
  });

  test('signals do not end a monitor', async () => {
    const { monitor } = await start(hostPlan(workspace, ['sleep', '1000']));
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE', 'SIGUSR1'] as const) {
      process.kill(monitor.monitorPid, signal);
    }
    assert.equal(await monitor.kill(0), true);
    await monitor.kill(9);
    await monitor.released;
  });

  test('a process does not outlive its monitor, and its exit is known all the same', async () => {
    const { monitor } = await start(hostPlan(workspace, ['sleep', '1000']));
    process.kill(monitor.monitorPid, 'SIGKILL');
    assert.equal((await deadline(monitor.exited, 'exit')).exitCode, 137);
    await deadline(monitor.released, 'release');
    await eventually(() => !existsSync(`/proc/${monitor.pid}/exe`), 30_000, 'the process ends');
  });

  test('a socket path that is longer than a socket address', async () => {
    const plan = hostPlan(workspace, ['cat'], { monitor: { openStdin: true, stdinOnce: true } });
    const directory = join(workspace.directory, 'x'.repeat(120));
    mkdirSync(directory);
    const long = { ...plan, monitor: { ...plan.monitor, socketPath: join(directory, 'socket') } };
    const { monitor, client } = await start(long);
    const second = new Client((await monitor.attach(everything)).output as Socket);
    second.socket.end('x\n');
    await client.until((text) => text.includes('x'));
    await client.ended();
    await monitor.released;
  });

  test('a monitor takes little memory', async () => {
    const { monitor } = await start(container('sleep 1000'));
    let rollup = '';
    const size = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]);
    const isSmall = (): boolean => {
      rollup = readFileSync(`/proc/${monitor.monitorPid}/smaps_rollup`, 'utf8');
      // The program's own pages are shared by all monitors of a daemon; what only the launch needed is given back.
      return size('Pss_Anon') <= 128 && size('Rss') <= 512;
    };
    await eventually(isSmall, 30_000, 'a small monitor').catch((error: unknown) => {
      throw new Error(rollup, { cause: error });
    });
    await monitor.kill(9);
    await monitor.released;
  });

  /** Starts a plan from a process that is then killed as hard as can be. */
  async function startedByAnotherProcess(plan: LaunchPlan): Promise<ProcessRecord> {
    const script = `
      const { spawnMonitor } = await import(${JSON.stringify(join(import.meta.dirname, '../../../src/runtime/monitor.ts'))});
      const plan = ${JSON.stringify(plan)};
      const m = await spawnMonitor(plan, { binaryPath: ${JSON.stringify(binaryPath)} });
      const { pid, startTime, monitorPid, monitorStartTime } = m;
      console.log(JSON.stringify({ pid, startTime, monitorPid, monitorStartTime, stateDirectory: '', cgroupPath: '' }));
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await deadline(once(child.stdout, 'data'), 'the other process')) as [Buffer];
    child.kill('SIGKILL');
    await deadline(once(child, 'exit'), 'the end of the other process');
    return JSON.parse(line.toString()) as ProcessRecord;
  }
});
