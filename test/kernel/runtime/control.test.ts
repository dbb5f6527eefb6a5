import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { buildExecProcess } from '../../../src/engine/oci-configuration.ts';
import { containerFixture } from '../../support/container-fixture.ts';
import { eventually } from '../../support/eventually.ts';
import { Sandbox, type Started } from './sandbox.ts';

const deadline = 20_000;

describe('a running container', () => {
  let sandbox: Sandbox;
  before(() => {
    sandbox = new Sandbox();
  });
  after(() => sandbox.close());

  const stop = async (started: Started) => {
    await started.container.killAll();
    return started.finish();
  };

  const exec = async (
    started: Started,
    command: readonly string[],
    overrides: { user?: string; privileged?: boolean; cwd?: string } = {},
  ) => {
    const process = buildExecProcess({
      container: containerFixture(),
      running: started.configuration,
      exec: {
        command,
        user: overrides.user ?? '',
        env: [],
        workingDirectory: overrides.cwd ?? '',
        tty: false,
        attachStdin: false,
        attachStdout: true,
        attachStderr: true,
        privileged: overrides.privileged ?? false,
        detachKeys: '',
        consoleSize: [0, 0],
      },
      readRootFile: () => undefined,
    });
    return started.container.exec({
      id: 'exec',
      process,
      stateDirectory: `${sandbox.directory}/execs-${Math.random().toString(36).slice(2)}`,
      openStdin: false,
      privileged: overrides.privileged ?? false,
    });
  };

  test('a memory hog is ended by the kernel, and that is recorded', async () => {
    const { exit } = await sandbox.run('tail /dev/zero', {
      host: { resources: { memoryBytes: 16 * 1024 * 1024, memorySwapBytes: 16 * 1024 * 1024 } },
    });
    assert.equal(exit.exitCode, 137);
    assert.equal(exit.oomKilled, true);
  });

  test('the limit of processes stops a fork bomb', async () => {
    const started = await sandbox.start('for i in $(seq 50); do sleep 1000 & done; wait', {
      host: { resources: { pidsLimit: 8 } },
    });
    await eventually(async () => (await started.container.statistics()).pids.current >= 7, deadline);
    assert.ok((await started.container.processes()).length <= 8);
    assert.equal((await started.container.statistics()).pids.limit, 8);
    await stop(started);
  });

  test('half a CPU: throttled, and charged about half the time', async () => {
    const started = await sandbox.start('while :; do :; done', { host: { nanoCpus: 5e8 } });
    await eventually(async () => (await started.container.statistics()).cpu.throttling.throttledPeriods >= 5, deadline);
    const { cpu } = await started.container.statistics();
    assert.ok(cpu.totalNanoseconds < (cpu.throttling.periods + 2) * 50e6 * 1.5, JSON.stringify(cpu));
    await stop(started);
  });

  test('paused it makes no progress, resumed it goes on', async () => {
    const started = await sandbox.start('i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done');
    const count = () => sandbox.output(started).split('\n').length;
    await eventually(() => count() > 3, deadline);
    await started.container.pause();
    // What was written before may still be on its way through the pipe.
    let paused = -1;
    await eventually(() => {
      const before = paused;
      paused = count();
      return before === paused;
    }, deadline);
    const cpu = (await started.container.statistics()).cpu.totalNanoseconds;
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal((await started.container.statistics()).cpu.totalNanoseconds, cpu);
    await started.container.resume();
    await eventually(() => count() > paused, deadline);
    await stop(started);
  });

  test('limits can be changed while it runs; below its use is a conflict', async () => {
    const mebibyte = 1024 * 1024;
    const started = await sandbox.start('sleep 1000', {
      host: { resources: { memoryBytes: 32 * mebibyte, memorySwapBytes: 32 * mebibyte } },
    });
    await started.container.updateResources({ memoryBytes: 64 * mebibyte, memorySwapBytes: 64 * mebibyte });
    assert.equal((await started.container.statistics()).memory.limitBytes, 64 * mebibyte);
    await stop(started);
  });

  test('exec is in all namespaces, the cgroups and the root of the container, with its capabilities', async () => {
    const started = await sandbox.start('sleep 1000');
    const process = await exec(started, ['/bin/sleep', '999']);
    const kinds = ['ipc', 'mnt', 'net', 'pid', 'uts', 'cgroup'] as const;
    const inodes = (pid: number) => kinds.map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`));
    assert.deepEqual(inodes(process.record.pid), inodes(started.container.record.pid));
    assert.ok((await started.container.processes()).includes(process.record.pid));
    assert.equal(await process.kill(9), true);
    assert.equal((await process.exited).exitCode, 137);
    await stop(started);
  });

  test('exec: exit code, missing command, missing directory, and none once the container has ended', async () => {
    const started = await sandbox.start('sleep 1000');
    assert.equal((await (await exec(started, ['/bin/sh', '-c', 'exit 5'])).exited).exitCode, 5);
    await assert.rejects(exec(started, ['nope']), { code: 'command-not-found' });
    await assert.rejects(exec(started, ['/bin/true'], { cwd: '/nope' }), { code: 'working-directory-failed' });
    await stop(started);
    await assert.rejects(exec(started, ['/bin/true']), { code: 'container-not-running' });
  });

  test('the end of the container ends what was exec’d in it', async () => {
    const started = await sandbox.start('sleep 1000');
    const process = await exec(started, ['/bin/sleep', '999']);
    await stop(started);
    assert.equal((await process.exited).exitCode, 137);
  });

  test('statistics count', async () => {
    const started = await sandbox.start('i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 1000');
    await eventually(async () => (await started.container.statistics()).cpu.totalNanoseconds > 1e6, deadline);
    const { cpu, memory, pids } = await started.container.statistics();
    assert.ok(cpu.hostTotalNanoseconds > cpu.totalNanoseconds);
    assert.ok(cpu.onlineCpus >= 1);
    assert.ok(memory.usageBytes > 0 && memory.limitBytes > memory.usageBytes);
    assert.ok(pids.current >= 1);
    await stop(started);
  });

  test('another runtime finds a running container again, and how it ended', async () => {
    const started = await sandbox.start('echo hello; sleep 1000');
    const { record } = started.container;
    const again = await sandbox.newRuntime().recover(record, started.configuration);
    assert.ok(again !== undefined && 'kill' in again);
    assert.equal(await again.kill(9), true);
    assert.equal((await again.exited).exitCode, 137);
    await started.container.released;
    const ended = await sandbox.newRuntime().recover(record, started.configuration);
    assert.ok(ended !== undefined && 'exitCode' in ended);
    assert.equal(ended.exitCode, 137);
    assert.equal((await started.finish()).exit.exitCode, 137);
    assert.equal(await sandbox.newRuntime().recover(record, started.configuration), undefined);
  });

  test('a reused PID is not taken for the container', async () => {
    const record = {
      pid: process.pid,
      startTime: '1',
      monitorPid: process.pid,
      monitorStartTime: '1',
      stateDirectory: `${sandbox.directory}/containers/none`,
      cgroupPath: sandbox.runtime.cgroupPathFor('none'),
    };
    assert.equal(await sandbox.runtime.recover(record, sandbox.configuration('true')), undefined);
  });

  test('leftovers are listed until they are discarded', async () => {
    const started = await sandbox.start('sleep 1000');
    const left = await sandbox.newRuntime().leftovers();
    assert.deepEqual(left, [
      { id: started.id, what: 'process' },
      { id: started.id, what: 'directory' },
    ]);
    await stop(started);
    assert.deepEqual(await sandbox.runtime.leftovers(), []);
  });
});
