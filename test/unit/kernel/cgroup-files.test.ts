import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CgroupManagerV1, CgroupManagerV2, compileDeviceProgram, parseHierarchies } from '../../../src/kernel/index.ts';

/** A hierarchy of plain files, with the contents that a kernel would show. */
function recorded(context: TestContext, files: Readonly<Record<string, string>>): string {
  const top = mkdtempSync(join(tmpdir(), 'corten-cgroup-'));
  context.after(() => rmSync(top, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(top, name, '..'), { recursive: true });
    writeFileSync(join(top, name), content);
  }
  return top;
}

function v2(context: TestContext, files: Readonly<Record<string, string>>) {
  const top = recorded(context, { 'cgroup.controllers': 'cpuset cpu io memory pids\n', ...files });
  const manager = new CgroupManagerV2({ controllers: [], mountPoint: top, root: '/', position: '/' }, () => undefined);
  return { manager, written: (name: string): string => readFileSync(join(top, name), 'utf8') };
}

const empty = (...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`c/${name}`, '']));

test('v2: limits are translated from the units of v1', (context) => {
  const { manager, written } = v2(context, {
    ...empty('memory.max', 'memory.low', 'memory.swap.max', 'cpu.weight', 'cpuset.cpus', 'pids.max', 'io.weight'),
    'c/cpu.max': '',
  });
  manager.update('/c', {
    memory: { limit: 1000, reservation: 500, swap: 1500 },
    cpu: { shares: 1024, quota: 50_000, cpus: '0-1' },
    pids: { limit: -1 },
    blockIO: { weight: 500 },
  });
  assert.equal(written('c/memory.max'), '1000');
  assert.equal(written('c/memory.low'), '500');
  assert.equal(written('c/memory.swap.max'), '500');
  assert.equal(written('c/cpu.weight'), '39');
  assert.equal(written('c/cpu.max'), '50000 100000');
  assert.equal(written('c/cpuset.cpus'), '0-1');
  assert.equal(written('c/pids.max'), 'max');
  assert.equal(written('c/io.weight'), 'default 4950');
});

test('v2: a new quota keeps the period, and no quota is "max"', (context) => {
  const { manager, written } = v2(context, { 'c/cpu.max': 'max 250000' });
  manager.update('/c', { cpu: { quota: -1 } });
  assert.equal(written('c/cpu.max'), 'max 250000');
});

test('v2: a controller that is missing makes the limit fail, not vanish', (context) => {
  const { manager } = v2(context, { 'c/cgroup.procs': '' });
  assert.throws(() => manager.update('/c', { memory: { limit: 1 } }), { code: 'ENOENT' });
});

test('v2: statistics', (context) => {
  const { manager } = v2(context, {
    'c/cpu.stat': 'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 4\nnr_throttled 2\nthrottled_usec 7\n',
    'c/memory.current': '4096\n',
    'c/memory.peak': '8192\n',
    'c/memory.max': 'max\n',
    'c/memory.stat': 'anon 1\ninactive_file 2\n',
    'c/memory.events': 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n',
    'c/pids.current': '2\n',
    'c/pids.max': '10\n',
    'c/io.stat': '8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n',
  });
  const { cpu, memory, pids, blockIo } = manager.statistics('/c');
  assert.deepEqual(cpu, {
    totalNanoseconds: 1_500_000,
    userNanoseconds: 1_000_000,
    systemNanoseconds: 500_000,
    perCpuNanoseconds: [],
    throttling: { periods: 4, throttledPeriods: 2, throttledNanoseconds: 7000 },
  });
  assert.equal(memory.usageBytes, 4096);
  assert.equal(memory.maximumUsageBytes, 8192);
  assert.equal(memory.failures, 3);
  assert.equal(memory.details['inactive_file'], 2);
  assert.deepEqual(pids, { current: 2, limit: 10 });
  assert.deepEqual(blockIo, [
    { major: 8, minor: 0, operation: 'read', bytes: 10 },
    { major: 8, minor: 0, operation: 'write', bytes: 20 },
    { major: 8, minor: 0, operation: 'discard', bytes: 0 },
  ]);
  assert.equal(manager.oomKills('/c'), 1);
});

test('v1: statistics of co-mounted and single controllers', (context) => {
  const top = recorded(context, {
    'cpu,cpuacct/c/cpuacct.usage': '100\n',
    'cpu,cpuacct/c/cpuacct.stat': 'user 2\nsystem 3\n',
    'cpu,cpuacct/c/cpuacct.usage_percpu': '60 40 \n',
    'cpu,cpuacct/c/cpu.stat': 'nr_periods 1\nnr_throttled 1\nthrottled_time 9\n',
    'blkio/c/blkio.throttle.io_service_bytes_recursive': '8:0 Read 10\n8:0 Write 20\nTotal 30\n',
    'memory/c/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
  });
  const hierarchy = (name: string, controllers: readonly string[]) => ({
    controllers,
    mountPoint: join(top, name),
    root: '/',
    position: '/',
  });
  const manager = new CgroupManagerV1([
    hierarchy('cpu,cpuacct', ['cpu', 'cpuacct']),
    hierarchy('blkio', ['blkio']),
    hierarchy('memory', ['memory']),
  ]);
  const { cpu, blockIo } = manager.statistics('/c');
  assert.equal(cpu.totalNanoseconds, 100);
  assert.equal(cpu.userNanoseconds, 20_000_000);
  assert.deepEqual(cpu.perCpuNanoseconds, [60, 40]);
  assert.deepEqual(blockIo, [
    { major: 8, minor: 0, operation: 'Read', bytes: 10 },
    { major: 8, minor: 0, operation: 'Write', bytes: 20 },
  ]);
  assert.equal(manager.oomKills('/c'), 2);
  assert.deepEqual(manager.view('/c').links, [
    { name: 'cpu', target: 'cpu,cpuacct' },
    { name: 'cpuacct', target: 'cpu,cpuacct' },
  ]);
  assert.throws(() => manager.update('/c', { pids: { limit: 1 } }), /pids \(not mounted\)/);
});

const mountinfo = [
  '30 20 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
  '31 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
  '32 30 0:30 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
  '33 30 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
  '34 30 0:32 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw',
  '35 20 0:29 / /elsewhere rw - cgroup cgroup rw,cpu,cpuacct',
].join('\n');
const ownGroups = '9:name=systemd:/s\n4:memory:/docker/abc/inner\n1:cpu,cpuacct:/x\n0::/y\n';

test('what is mounted is read, not assumed', () => {
  const { v1, v2: unified } = parseHierarchies(mountinfo, ownGroups);
  assert.deepEqual(
    v1.map(({ controllers, mountPoint, position }) => ({ controllers, mountPoint, position })),
    [
      { controllers: ['cpu', 'cpuacct'], mountPoint: '/sys/fs/cgroup/cpu,cpuacct', position: '/x' },
      { controllers: ['memory'], mountPoint: '/sys/fs/cgroup/memory', position: '/inner' },
      { controllers: ['name=systemd'], mountPoint: '/sys/fs/cgroup/systemd', position: '/s' },
    ],
  );
  assert.equal(unified?.mountPoint, '/sys/fs/cgroup/uni fied');
  assert.equal(unified?.position, '/y');
});

test('a relative path counts from the own group, an absolute one from the top', () => {
  const { v1 } = parseHierarchies(mountinfo, ownGroups);
  const manager = new CgroupManagerV1(v1);
  assert.deepEqual(manager.directories('a'), ['/sys/fs/cgroup/cpu,cpuacct/x/a', '/sys/fs/cgroup/memory/inner/a']);
  assert.deepEqual(manager.directories('/a'), ['/sys/fs/cgroup/cpu,cpuacct/a', '/sys/fs/cgroup/memory/a']);
});

test('a device program has no code behind a rule that matches everything', () => {
  const everything = compileDeviceProgram([{ allow: true, type: 'c', major: 1, minor: 3 }, { allow: true }]);
  const prologue = 6;
  assert.equal(everything.length / 8, prologue + 2);
  const narrow = compileDeviceProgram([{ allow: true, type: 'c', major: 1, minor: 3, access: 'r' }]);
  assert.equal(narrow.length / 8, prologue + 6 + 2 + 2);
});
