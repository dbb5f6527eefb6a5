import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { encodePlan } from '../../../src/runtime/encode.ts';
import type { LaunchPlan, PlanOperation } from '../../../src/runtime/plan.ts';
import { runCommand } from '../../support/command.ts';

const native = join(import.meta.dirname, '../../../native');

/** One operation of each kind, and how the decoder must have understood it: kind, texts, numbers, wide numbers, lists. */
const operations: readonly (readonly [PlanOperation, string])[] = [
  [{ op: 'join-cgroups', directories: ['/a', '/b c'] }, '1 | 0 0 0 0 0 0 0 | 0 0 0 0 | /a /b c |'],
  [{ op: 'join-namespace', namespace: 'ipc', descriptor: 1 }, '2 | 8000000 1 0 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'unshare', namespaces: ['cgroup', 'time'] }, '3 | 2000080 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'root-propagation', propagation: 'rslave' }, '4 | 84000 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [
    {
      op: 'root-overlay',
      target: '/t',
      layersDirectory: '/l',
      lower: ['x', 'y'],
      upper: '/u',
      work: '/w',
      volatile: true,
    },
    '5 /t /l /u /w | 1 0 0 0 0 0 0 | 0 0 0 0 | x y |',
  ],
  [{ op: 'root-bind', source: '/s', target: '/t' }, '6 /s /t | 0 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [
    {
      op: 'mount',
      type: 'tmpfs',
      source: 'shm',
      path: '/dev/shm',
      attributes: { readOnly: true, noSuid: true, noExec: false, atime: 'noatime' },
      options: ['mode=755', 'flag'],
    },
    '7 tmpfs shm /dev/shm | 13 78 0 0 0 0 0 | 0 0 0 0 | mode=755 flag |',
  ],
  [
    {
      op: 'bind',
      source: { descriptor: 1 },
      path: '/p',
      recursive: true,
      attributes: { noDev: true, noDirAtime: true },
      propagation: 'shared',
      createTarget: true,
    },
    '8  /p | 1 1 84 0 100000 1 0 | 0 0 0 0 | |',
  ],
  [
    { op: 'bind', source: '/s', path: '/p', recursive: false, attributes: {}, createTarget: false },
    '8 /s /p | ffffffff 0 0 0 44000 0 0 | 0 0 0 0 | |',
  ],
  [
    { op: 'device', path: '/dev/x', type: 'b', major: 8, minor: 1, mode: 0o660, uid: 1, gid: 2 },
    '9 /dev/x | 61b0 8 1 1 2 0 0 | 0 0 0 0 | |',
  ],
  [{ op: 'directory', path: '/d', mode: 0o755, uid: 3, gid: 4 }, '10 /d | 1ed 3 4 0 0 0 0 | 0 0 0 0 | |'],
  [
    { op: 'symlink', path: '/dev/fd', target: '/proc/self/fd' },
    '11 /dev/fd /proc/self/fd | 0 0 0 0 0 0 0 | 0 0 0 0 | |',
  ],
  [{ op: 'terminal', rows: 24, columns: 80, bindConsole: true }, '12 | 18 50 1 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'mask', path: '/proc/kcore' }, '13 /proc/kcore | 0 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'read-only-path', path: '/proc/sys' }, '14 /proc/sys | 0 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'sysctl', key: 'net/ipv4/ip_forward', value: '1' }, '15 net/ipv4/ip_forward 1 | 0 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'hostname', name: 'häst' }, '16 häst | 0 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'domainname', name: 'example' }, '17 example | 0 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'pivot-root', readOnly: true, propagation: 'rprivate' }, '18 | 1 44000 0 0 0 0 0 | 0 0 0 0 | |'],
  [
    { op: 'rlimit', resource: 7, soft: 1024n, hard: (1n << 64n) - 1n },
    '19 | 7 0 0 0 0 0 0 | 400 ffffffffffffffff 0 0 | |',
  ],
  [{ op: 'oom-score-adjust', value: -5 }, '20 | fffffffb 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'umask', mask: 0o22 }, '21 | 12 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [{ op: 'working-directory', path: '/w', create: true }, '22 /w | 1 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [
    {
      op: 'credentials',
      uid: 1000,
      gid: 4294967294,
      groups: [5, 6],
      bounding: 1n << 40n,
      permitted: 2n,
      effective: 3n,
      ambient: 4n,
    },
    '23 | 3e8 fffffffe 0 0 0 0 0 | 10000000000 2 3 4 | 5 6 |',
  ],
  [{ op: 'no-new-privileges' }, '24 | 0 0 0 0 0 0 0 | 0 0 0 0 | |'],
  [
    { op: 'seccomp', filter: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 255]) },
    '25 | 0 0 0 0 0 0 0 | 0 0 0 0 | 1 2 3 4 5 6 7 ff |',
  ],
  [
    { op: 'exec', arguments: ['sh', '-c', ''], environment: ['A=b'], init: true },
    '26 | 1 0 0 0 0 0 0 | 0 0 0 0 | sh -c  | A=b',
  ],
];

const plan: LaunchPlan = {
  monitor: {
    socketPath: '/run/x/socket',
    exitPath: '/run/x/exit',
    terminal: true,
    openStdin: false,
    stdinOnce: true,
    log: { driver: 'local', path: '/log', maximumSize: 2 ** 40, maximumFiles: 3 },
    relays: [{ listener: 2, address: '172.17.0.255', port: 65535 }],
    held: [0, 1],
    deferUnmount: true,
  },
  cloneNamespaces: ['mount', 'pid', 'network'],
  pidNamespace: 2,
  operations: operations.map(([operation]) => operation),
  descriptors: [10, 11, 12],
};

describe('the plan decoder', { timeout: 240_000 }, () => {
  let directory = '';
  let fuzz = '';
  const file = (name: string, bytes: Uint8Array): string => {
    const path = join(directory, name);
    writeFileSync(path, bytes);
    return path;
  };

  before(async () => {
    directory = mkdtempSync('/tmp/corten-plan-');
    fuzz = join(directory, 'fuzz');
    const result = await runCommand('make', ['-s', '-C', native, `build=${directory}`, 'fuzz'], { timeoutMs: 200_000 });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.stderr, '', 'it compiles without a warning');
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('understands every operation as the encoder meant it', async () => {
    const path = file('whole', encodePlan(plan, [{ descriptor: 1, streams: 7 }]));
    const { code, stdout, stderr } = await runCommand(fuzz, ['dump', path], {});
    assert.equal(code, 0, stderr);
    const [setup, launch, ...lines] = stdout.trimEnd().split('\n');
    assert.equal(setup, 'setup /run/x/socket|/run/x/exit|/log|1011|2|1099511627776|3');
    assert.equal(launch, 'launch 60020000|2|-1|1 2 1');
    assert.deepEqual(
      lines.map((line) => line.trimEnd()),
      operations.map(([, expected]) => expected),
    );
  });

  for (const [what, changed] of [
    ['exec is not last', { ...plan, operations: plan.operations.toReversed() }],
    ['there is no operation', { ...plan, operations: [] }],
    ['a descriptor is not in the table', { ...plan, pidNamespace: 3 }],
    [
      'a relay’s descriptor is not in the table',
      withMonitor({ relays: [{ listener: 3, address: '1.2.3.4', port: 1 }] }),
    ],
    ['a terminal is promised that no operation makes', withoutTerminal()],
    ['a relay’s port is out of range', withMonitor({ relays: [{ listener: 0, address: '1.2.3.4', port: 65536 }] })],
    ['a seccomp filter is no array of instructions', withFilter(7)],
    ['exec has no command', withCommand([])],
  ] as const) {
    test(`refuses a plan in which ${what}`, async () => {
      const { code, stderr } = await runCommand(fuzz, ['dump', file('bad', encodePlan(changed))], {});
      assert.equal(code, 1, stderr);
    });
  }

  test('reads nothing outside of a plan, whatever it holds (CVE-2021-43784)', async () => {
    const small: LaunchPlan = { ...withCommand(['true']), descriptors: [9, 9, 9] };
    const plans = [file('whole', encodePlan(plan)), file('small', encodePlan(small))];
    const result = await runCommand(fuzz, ['150000', '20211', ...plans], { timeoutMs: 200_000 });
    assert.equal(result.code, 0, result.stderr);
    const accepted = Number(result.stdout.split(' ')[0]);
    assert.ok(accepted > 1000, `mutations reach the operations: ${accepted} were accepted`);
  });
});

test('a NUL byte in a text is refused by the encoder', () => {
  assert.throws(() => encodePlan(withCommand(['a\0b'])), { code: 'nul-in-text' });
});

function withMonitor(changes: Partial<LaunchPlan['monitor']>): LaunchPlan {
  return { ...plan, monitor: { ...plan.monitor, ...changes } };
}

function withoutTerminal(): LaunchPlan {
  return { ...plan, operations: plan.operations.filter(({ op }) => op !== 'terminal') };
}

function withFilter(length: number): LaunchPlan {
  const filter: PlanOperation = { op: 'seccomp', filter: new Uint8Array(length) };
  return { ...plan, operations: plan.operations.map((operation) => (operation.op === 'seccomp' ? filter : operation)) };
}

function withCommand(command: readonly string[]): LaunchPlan {
  const exec: PlanOperation = { op: 'exec', arguments: command, environment: [], init: false };
  return { ...plan, operations: plan.operations.map((operation) => (operation.op === 'exec' ? exec : operation)) };
}
