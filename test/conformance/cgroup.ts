import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import type { CgroupManager } from '../../src/kernel/index.ts';
import { eventually } from '../support/eventually.ts';

/** What an implementation of CgroupManager is run with. */
export interface CgroupSubject {
  readonly name: string;
  readonly manager: CgroupManager;
  /** An absolute path of this test's own, e.g. "/corten-test-1"; removed at the end. */
  readonly parent: string;
  /** undefined, or why the suite cannot run here. */
  readonly skip: string | undefined;
}

const deadline = 20_000;

/** Starts a shell that joins the group's directories and then runs `script`. */
function runIn(subject: CgroupSubject, path: string, script: string): ChildProcess {
  const joins = subject.manager.directories(path).map((directory) => `echo 0 > ${directory}/cgroup.procs`);
  return spawn('/bin/sh', ['-c', [...joins, script].join('\n')], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function firstLine(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout);
  const [chunk] = (await once(child.stdout, 'data', { signal: AbortSignal.timeout(deadline) })) as [Buffer];
  return chunk.toString().trim();
}

async function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  if (child.exitCode !== null || child.signalCode !== null) return { code: child.exitCode, signal: child.signalCode };
  const [code, signal] = (await once(child, 'exit', { signal: AbortSignal.timeout(deadline) })) as [
    number | null,
    string | null,
  ];
  return { code, signal };
}

/** The behaviour that both versions of control groups have to give. */
export function cgroupConformance(subject: CgroupSubject): void {
  const { manager, parent } = subject;
  const has = (controller: string): boolean => manager.controllers.includes(controller);
  const path = (name: string): string => `${parent}/${name}`;

  describe(`control groups: ${subject.name}`, { skip: subject.skip ?? false }, () => {
    test('a group is made, listed, and removed with what is below it', async () => {
      manager.create(path('a'), {});
      assert.ok(manager.exists(path('a')));
      assert.deepEqual(manager.children(parent), ['a']);
      manager.create(path('a/below'), {});
      await manager.remove(path('a'));
      assert.ok(!manager.exists(path('a')));
      await manager.remove(path('a'));
    });

    test('a group left by a crash is replaced; one with processes is not', async () => {
      manager.create(path('left'), {});
      manager.create(path('left'), {});
      const child = runIn(subject, path('left'), 'echo in; read line');
      try {
        await firstLine(child);
        assert.throws(() => manager.create(path('left'), {}), { code: 'EBUSY' });
        assert.deepEqual(manager.processes(path('left')), [child.pid]);
      } finally {
        child.kill('SIGKILL');
        await exitOf(child);
        await manager.remove(path('left'));
      }
    });

    test('limits of processes stop a fork bomb', { skip: !has('pids') }, async () => {
      manager.create(path('pids'), { pids: { limit: 5 } });
      const script = 'i=0; while [ $i -lt 20 ]; do sleep 1000 & i=$((i+1)); done 2>/dev/null; echo done; wait';
      const child = runIn(subject, path('pids'), script);
      try {
        // dash gives up at the first fork that fails; the four sleepers stay.
        assert.equal((await exitOf(child)).code, 2);
        assert.deepEqual(manager.statistics(path('pids')).pids, { current: 4, limit: 5 });
      } finally {
        await manager.killAll(path('pids'));
        await manager.remove(path('pids'));
      }
    });

    test('a memory hog is ended by the kernel, and counted', { skip: !has('memory') }, async () => {
      const limit = 16 * 1024 * 1024;
      manager.create(path('memory'), { memory: { limit, swap: limit } });
      const child = runIn(subject, path('memory'), 'exec tail /dev/zero');
      const { signal, code } = await exitOf(child);
      assert.ok(signal === 'SIGKILL' || code === 137, `${code} ${signal}`);
      assert.ok(manager.oomKills(path('memory')) >= 1);
      assert.equal(manager.statistics(path('memory')).memory.limitBytes, limit);
      await manager.remove(path('memory'));
    });

    test('memory limits can be raised and lowered in any order', { skip: !has('memory') }, async () => {
      const mebibyte = 1024 * 1024;
      manager.create(path('order'), { memory: { limit: 16 * mebibyte, swap: 16 * mebibyte } });
      manager.update(path('order'), { memory: { limit: 64 * mebibyte, swap: 64 * mebibyte } });
      manager.update(path('order'), { memory: { limit: 8 * mebibyte, swap: 8 * mebibyte } });
      assert.equal(manager.statistics(path('order')).memory.limitBytes, 8 * mebibyte);
      await manager.remove(path('order'));
    });

    test('a frozen group makes no progress until it is thawed', {
      skip: !has('freezer') && manager.version === 1,
    }, async () => {
      manager.create(path('frozen'), {});
      const child = runIn(subject, path('frozen'), 'echo ready; while read line; do echo $line; done');
      try {
        await firstLine(child);
        await manager.freeze(path('frozen'));
        child.stdin?.write('one\n');
        const answered = once(child.stdout ?? child, 'data').then(() => 'answered');
        assert.equal(
          await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 300, 'silent'))]),
          'silent',
        );
        await manager.thaw(path('frozen'));
        assert.equal(await answered, 'answered');
      } finally {
        await manager.killAll(path('frozen'));
        await exitOf(child);
        await manager.remove(path('frozen'));
      }
    });

    test('killing takes frozen processes and their children along', async () => {
      manager.create(path('kill'), {});
      const child = runIn(subject, path('kill'), 'sleep 1000 & sleep 1000 & echo ready; wait');
      await firstLine(child);
      if (has('freezer') || manager.version === 2) await manager.freeze(path('kill'));
      await manager.killAll(path('kill'));
      assert.equal((await exitOf(child)).signal, 'SIGKILL');
      await manager.remove(path('kill'));
      assert.ok(!manager.exists(path('kill')));
    });

    test('half a CPU is about half a CPU', { skip: !has('cpu') }, async () => {
      manager.create(path('cpu'), { cpu: { quota: 20_000, period: 100_000 } });
      const child = runIn(subject, path('cpu'), 'echo ready; while :; do :; done');
      try {
        await firstLine(child);
        await eventually(
          () => manager.statistics(path('cpu')).cpu.throttling.throttledPeriods >= 10,
          deadline,
          'throttling',
        );
      } finally {
        await manager.killAll(path('cpu'));
        await exitOf(child);
      }
      const { throttling, totalNanoseconds } = manager.statistics(path('cpu')).cpu;
      if (totalNanoseconds > 0) {
        // 20 ms in each period, and some slack for the slice that was running at its end.
        assert.ok(
          totalNanoseconds < (throttling.periods + 2) * 20e6 * 1.5,
          `${totalNanoseconds} in ${throttling.periods}`,
        );
      }
      await manager.remove(path('cpu'));
    });

    test('devices: what no rule allows cannot be opened', {
      skip: manager.version === 1 && !has('devices'),
    }, async () => {
      manager.create(path('devices'), {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 1, minor: 3, access: 'rw' },
          { allow: true, type: 'c', major: 1, minor: 5, access: 'r' },
        ],
      });
      const script = [
        'try() { "$@" 2>/dev/null && echo yes || echo no; }',
        'try dd if=/dev/null of=/dev/null count=1',
        'try dd if=/dev/zero of=/dev/null count=1',
        'try dd if=/dev/null of=/dev/zero count=1',
        'try dd if=/dev/urandom of=/dev/null count=1',
      ].join('\n');
      const child = runIn(subject, path('devices'), script);
      let output = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      await exitOf(child);
      assert.deepEqual(output.trim().split('\n'), ['yes', 'yes', 'no', 'no']);
      await manager.remove(path('devices'));
    });

    test('an explanation names each directory', async () => {
      manager.create(path('explain'), {});
      const explained = manager.explain(path('explain'));
      assert.deepEqual(explained.map((entry) => entry.path).sort(), [...manager.directories(path('explain'))].sort());
      await manager.remove(path('explain'));
    });

    test('a wrong value is an error that names file and value, and leaves no group', { skip: !has('cpuset') }, () => {
      assert.throws(() => manager.create(path('wrong'), { cpu: { cpus: '4000' } }), /cpuset\.cpus/);
      assert.ok(!manager.exists(path('wrong')));
    });

    test('in the end nothing is left', async () => {
      assert.deepEqual(manager.children(parent), []);
      await manager.remove(parent);
      assert.ok(!manager.exists(parent));
    });
  });
}
