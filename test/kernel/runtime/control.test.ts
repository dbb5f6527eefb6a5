import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, readlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { buildExecProcess } from '../../../src/engine/oci-configuration.ts';
import { pairAttachment } from '../../../src/runtime/index.ts';
import type { AttachedClient } from '../../../src/runtime/types.ts';
import { containerFixture } from '../../support/container-fixture.ts';
import { eventually } from '../../support/eventually.ts';
import { Sandbox, type Started } from './sandbox.ts';

const deadline = 20_000;

interface ExecOverrides {
  readonly user?: string;
  readonly privileged?: boolean;
  readonly cwd?: string;
  readonly tty?: boolean;
  readonly attachments?: readonly AttachedClient[];
}

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

  const exec = async (started: Started, command: readonly string[], overrides: ExecOverrides = {}) => {
    const process = buildExecProcess({
      container: containerFixture(),
      running: started.configuration,
      exec: {
        command,
        user: overrides.user ?? '',
        env: [],
        workingDirectory: overrides.cwd ?? '',
        tty: overrides.tty ?? false,
        attachStdin: false,
        attachStdout: true,
        attachStderr: true,
        privileged: overrides.privileged ?? false,
        detachKeys: '',
        consoleSize: [30, 90],
      },
      readRootFile: () => undefined,
    });
    return started.container.exec({
      id: 'exec',
      process,
      stateDirectory: `${sandbox.directory}/execs-${Math.random().toString(36).slice(2)}`,
      openStdin: false,
      attachments: overrides.attachments ?? [],
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

  test('a limit that the kernel refuses is the user’s error, and leaves nothing', async () => {
    const resources = { cpusetCpus: '4000' };
    await assert.rejects(sandbox.start('true', { host: { resources } }), {
      kind: 'invalid-argument',
      code: 'limit-refused',
      message: /cpuset\.cpus/,
    });
    assert.deepEqual(await sandbox.runtime.leftovers(), []);
  });

  test('the limit of processes stops a fork bomb', async () => {
    const started = await sandbox.start('(for i in $(seq 50); do sleep 1000 & done); exec sleep 1000', {
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

  test('a client that is attached from the start misses nothing, of the container and of an exec', async () => {
    const attach = pairAttachment({ stdin: false, stdout: true, stderr: true });
    const started = await sandbox.start('echo first; sleep 1000', {}, { attachments: [attach.client] });
    closeSync(attach.client.descriptor);
    const [chunk] = (await once(attach.attachment.output, 'data')) as [Buffer];
    // The frame of the Engine API: stream 1, length 6.
    assert.deepEqual(chunk, Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 6]), Buffer.from('first\n')]));
    const other = pairAttachment({ stdin: false, stdout: true, stderr: true });
    const process = await exec(started, ['/bin/echo', 'short'], { attachments: [other.client] });
    closeSync(other.client.descriptor);
    const chunks: Buffer[] = [];
    for await (const part of other.attachment.output as AsyncIterable<Buffer>) chunks.push(part);
    assert.equal(Buffer.concat(chunks).subarray(8).toString(), 'short\n');
    await process.released;
    attach.attachment.close();
    await stop(started);
  });

  test('exec with a terminal of the container', async () => {
    const started = await sandbox.start('sleep 1000');
    const pair = pairAttachment({ stdin: true, stdout: true, stderr: false });
    const process = await exec(started, ['/bin/sh', '-c', 'tty; stty size'], { tty: true, attachments: [pair.client] });
    closeSync(pair.client.descriptor);
    const chunks: Buffer[] = [];
    for await (const part of pair.attachment.output as AsyncIterable<Buffer>) chunks.push(part);
    assert.equal(Buffer.concat(chunks).toString(), '/dev/pts/0\r\n30 90\r\n');
    await process.released;
    await stop(started);
  });

  test('namespaces of another container are joined, with its /dev/shm', async () => {
    const first = await sandbox.start('echo shared > /dev/shm/x; sleep 1000', { host: { ipcMode: 'shareable' } });
    await eventually(() => existsSync(`/proc/${first.container.record.pid}/root/dev/shm/x`), deadline);
    const { pid } = first.container.record;
    const second = await sandbox.start(
      'cat /dev/shm/x; for n in ipc net pid; do readlink /proc/self/ns/$n; done',
      { host: { ipcMode: 'container:x', pidMode: 'container:x', networkMode: 'container:x' } },
      { joined: { ipc: pid, pid, network: pid } },
    );
    const expected = ['ipc', 'net', 'pid'].map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`));
    assert.deepEqual((await second.finish()).stdout.trim().split('\n'), ['shared', ...expected]);
    await stop(first);
  });

  test('the host’s namespaces, where they are asked for', async () => {
    const { stdout } = await sandbox.run('for n in ipc net pid uts; do readlink /proc/self/ns/$n; done', {
      host: { ipcMode: 'host', pidMode: 'host', networkMode: 'host', utsMode: 'host' },
    });
    const expected = ['ipc', 'net', 'pid', 'uts'].map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
    assert.deepEqual(stdout.trim().split('\n'), expected);
  });

  test('a cgroup namespace has the container’s own group as its top', async () => {
    const { stdout } = await sandbox.run('cat /proc/self/cgroup', { host: { cgroupnsMode: 'private' } });
    const places = stdout
      .trim()
      .split('\n')
      .filter((line) => /:(memory|pids|cpu):/.test(line))
      .map((line) => line.split(':')[2]);
    assert.ok(places.length > 0 && places.every((place) => place === '/'), stdout);
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
