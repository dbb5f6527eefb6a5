import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import koffi from 'koffi';
import { capabilityMask, close, openProcess } from '../../../src/kernel/index.ts';
import { type LaunchError, spawnMonitor } from '../../../src/runtime/monitor.ts';
import type { LaunchPlan, NamespaceKind, PlanOperation } from '../../../src/runtime/plan.ts';
import {
  binaryPath,
  Client,
  containerPlan,
  credentials,
  deadline,
  defaultCapabilities,
  execution,
  hostPlan,
  makeWorkspace,
  monitorsOfThisProcess,
  type PlanOptions,
  run,
  start,
  usualMounts,
  type Workspace,
} from './container.ts';
import { eventually } from '../../support/eventually.ts';

const timeout = 120_000;

const libc = koffi.load('libc.so.6');
const fcntl = libc.func('int fcntl(int fd, int command)');
const mkfifo = libc.func('int mkfifo(const char *path, uint mode)');
const dup = libc.func('int dup(int fd)');
const setresuid = libc.func('long syscall(long number, int real, int effective, int saved)');
const F_GET_SEALS = 1034;
const setresuidNumber = process.arch === 'x64' ? 117 : 147;

/** On this thread alone, unlike process.seteuid: so nothing asynchronous may be done in `work`. */
function withEffectiveUser<T>(uid: number, work: () => T): T {
  assert.equal(Number(setresuid(setresuidNumber, -1, uid, -1)), 0);
  try {
    return work();
  } finally {
    assert.equal(Number(setresuid(setresuidNumber, -1, 0, -1)), 0);
  }
}

interface OpenFile {
  readonly number: number;
  readonly target: string;
  readonly closeOnExec: boolean;
}

function openFilesOf(pid: number): OpenFile[] {
  return readdirSync(`/proc/${pid}/fd`).map((name) => {
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/fdinfo/${name}`, 'utf8'))?.[1] ?? '';
    return {
      number: Number(name),
      target: readlinkSync(`/proc/${pid}/fd/${name}`),
      closeOnExec: (Number.parseInt(flags, 8) & 0o2000000) !== 0,
    };
  });
}

/** The child of this process's only monitor, once it has the capabilities of its plan. */
async function childWithCapabilities(): Promise<number> {
  const wanted = `CapEff:\t${defaultCapabilities.toString(16).padStart(16, '0')}\n`;
  let child = 0;
  const look = (): boolean => {
    const [monitor] = monitorsOfThisProcess();
    for (const name of readdirSync('/proc')) {
      if (monitor === undefined || !/^\d+$/.test(name)) continue;
      try {
        const status = readFileSync(`/proc/${name}/status`, 'utf8');
        if (status.includes(`PPid:\t${monitor}\n`) && status.includes(wanted)) child = Number(name);
      } catch {
        // It ended meanwhile.
      }
    }
    return child !== 0;
  };
  await eventually(look, 30_000, 'a process that waits in its plan');
  return child;
}

/** The reported failure of a plan that must not start. */
async function failureOf(plan: LaunchPlan): Promise<{ readonly op: string | undefined; readonly errno: string }> {
  const error: unknown = await deadline(spawnMonitor(plan, { binaryPath }), 'the failure').then(
    () => undefined,
    (failure: unknown) => failure,
  );
  assert.ok(
    error instanceof Error && error.name === 'LaunchError',
    `it started, or failed otherwise: ${String(error)}`,
  );
  const { operation, errnoName } = error as LaunchError;
  return { op: operation === undefined ? undefined : plan.operations[operation]?.op, errno: errnoName };
}

describe('hardening of the launch', { timeout }, () => {
  let workspace: Workspace;
  before(() => {
    workspace = makeWorkspace();
  });
  after(() => workspace.remove());

  const container = (script: string, options?: PlanOptions): LaunchPlan =>
    containerPlan(workspace, ['sh', '-c', script], options);

  /** A root whose image was made by an attacker. */
  function hostileLayer(name: string, change: (layer: string) => void): string {
    const layer = join(workspace.directory, 'layers', name);
    mkdirSync(layer, { recursive: true });
    for (const entry of ['bin', 'proc', 'sys', 'dev', 'etc', 'tmp']) mkdirSync(join(layer, entry), { recursive: true });
    symlinkSync('/bin', join(layer, 'sbin'));
    change(layer);
    return layer;
  }

  test('the monitor and PID 1 of --init run from a sealed memory file (CVE-2019-5736)', async () => {
    const { monitor, client } = await start(container('echo up; sleep 1000', { init: true }));
    await client.until((text) => text.includes('up'));
    for (const pid of [monitor.monitorPid, monitor.pid]) {
      const path = `/proc/${pid}/exe`;
      assert.match(readlinkSync(path), /^\/memfd:corten-native/);
      const descriptor = openSync(path, constants.O_RDONLY);
      // F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE: for good, unlike ETXTBSY, which ends with the process.
      assert.equal(fcntl(descriptor, F_GET_SEALS) & 0b1111, 0b1111);
      closeSync(descriptor);
    }
    await monitor.kill(9);
    await monitor.released;
  });

  test('the process inherits no descriptor (CVE-2016-9962, CVE-2024-21626)', async () => {
    const directory = openSync('/', constants.O_RDONLY);
    // A descriptor of the daemon that is not close-on-exec, as a library might leave one.
    const leaked: number = dup(directory);
    try {
      const { stdout } = await run(
        container('ls /proc/self/fd | wc -l; ls -l /proc/1/fd', { descriptors: [directory] }),
      );
      // 0, 1, 2 and the directory that ls itself reads.
      assert.equal(stdout.split('\n')[0], '4');
      const others = stdout
        .split('\n')
        .filter((line) => line.includes('->') && !/pipe:|\/dev\/null|socket:/.test(line));
      assert.deepEqual(others, []);
    } finally {
      close(leaked);
      closeSync(directory);
    }
  });

  test('PID 1 of --init has no descriptor but the standard ones', async () => {
    const { stdout } = await run(container('ls /proc/1/fd | wc -l; cat /proc/1/comm', { init: true }));
    assert.deepEqual(stdout.trimEnd().split('\n'), ['3', 'corten-monitor']);
  });

  test('the monitor holds nothing of the host but what it needs, all of it close-on-exec', async () => {
    const directory = openSync('/', constants.O_RDONLY);
    const { monitor } = await start(container('sleep 1000', { descriptors: [directory] }));
    closeSync(directory);
    const open = openFilesOf(monitor.monitorPid);
    assert.ok(!open.some(({ target }) => target === '/'), 'the plan’s own descriptors are closed');
    for (const { number, target, closeOnExec } of open) {
      assert.ok(number < 3 || closeOnExec, `${number} -> ${target}`);
      assert.match(target, /^(\/dev\/null|pipe:|socket:|anon_inode:\[(eventpoll|pidfd)\]|mnt:|pidfd:|\/.*\/memory\.)/);
    }
    await monitor.kill(9);
    await monitor.released;
  });

  test('a process is not dumpable before its exec, so that nobody in the container can trace it (CVE-2016-9962)', async () => {
    // A FIFO keeps the launch inside an operation: opening cgroup.procs of this "cgroup" waits for a reader.
    const trap = join(workspace.directory, 'trap');
    mkdirSync(trap);
    assert.equal(mkfifo(join(trap, 'cgroup.procs'), 0o600), 0);
    const plan = hostPlan(workspace, ['true'], {
      after: [credentials(), { op: 'join-cgroups', directories: [trap] }],
    });
    const spawned = spawnMonitor(plan, { binaryPath });
    const child = await childWithCapabilities();
    // Of the same user with the same capabilities, as another process of the container is.
    const look = async (pid: number): Promise<number> =>
      (await run(hostPlan(workspace, ['readlink', `/proc/${pid}/exe`], { after: [credentials()] }))).exitCode;
    assert.equal(await look(child), 1);
    const sleeping = await start(hostPlan(workspace, ['sleep', '1000'], { after: [credentials()] }));
    assert.equal(await look(sleeping.monitor.pid), 0, 'after its exec it is an ordinary process');
    await sleeping.monitor.kill(9);
    await sleeping.monitor.released;
    const reader = openSync(join(trap, 'cgroup.procs'), constants.O_RDONLY | constants.O_NONBLOCK);
    const monitor = await deadline(spawned, 'the start');
    await deadline(monitor.released, 'the end');
    closeSync(reader);
  });

  test('a working directory outside of the root is refused (CVE-2024-21626)', async () => {
    const outside = openSync('/etc', constants.O_RDONLY);
    // The child has the plan's descriptors from 5 on until its tail begins; /proc is the container's.
    const plan = container('pwd', { workingDirectory: '/proc/self/fd/5', descriptors: [outside] });
    try {
      assert.deepEqual(await failureOf(plan), { op: 'working-directory', errno: 'EXDEV' });
    } finally {
      closeSync(outside);
    }
  });

  test('a working directory is made inside the root', async () => {
    const { stdout } = await run(container('pwd', { workingDirectory: '/new/one' }));
    assert.equal(stdout, '/new/one\n');
  });

  for (const [path, type] of [
    ['/proc', 'proc'],
    ['/sys', 'sysfs'],
    ['/dev', 'tmpfs'],
  ] as const) {
    test(`an image with ${path} as a symbolic link is refused (CVE-2019-19921, CVE-2023-27561, CVE-2026-41579)`, async () => {
      const layer = hostileLayer(`link-${type}`, (at) => {
        rmSync(join(at, path), { recursive: true });
        symlinkSync('/tmp', join(at, path));
      });
      assert.deepEqual(await failureOf(container('true', { layer })), { op: 'mount', errno: 'ELOOP' });
    });
  }

  test('a mount over /proc that came first does not pass for procfs (CVE-2019-16884)', async () => {
    const fake: PlanOperation = {
      op: 'mount',
      type: 'tmpfs',
      source: 'tmpfs',
      path: '/proc/self',
      attributes: {},
      options: [],
    };
    // /proc/self of the image is a directory here; afterwards sysctls must still reach the kernel, not the image.
    const layer = hostileLayer('fake-proc', (at) => mkdirSync(join(at, 'proc/sys/kernel'), { recursive: true }));
    const plan = containerPlan(workspace, ['true'], {
      layer,
      mounts: [
        { ...fake, path: '/proc' },
        { op: 'sysctl', key: 'kernel/shm_rmid_forced', value: '1' },
      ],
    });
    // The command is missing in this root: everything before it went well.
    assert.deepEqual(await failureOf(plan), { op: 'exec', errno: 'ENOENT' });
    const second = containerPlan(workspace, ['cat', '/proc/sys/kernel/shm_rmid_forced'], {
      before: [
        {
          op: 'mount',
          type: 'tmpfs',
          source: 'tmpfs',
          path: '/proc/sys',
          attributes: {},
          options: [],
        },
        { op: 'sysctl', key: 'kernel/shm_rmid_forced', value: '1' },
        { op: 'mount', type: 'proc', source: 'proc', path: '/proc', attributes: {}, options: [] },
      ],
    });
    assert.equal((await run(second)).stdout, '1\n');
  });

  test('a sysctl cannot leave /proc/sys (CVE-2025-52881)', async () => {
    const plan = container('true', { before: [{ op: 'sysctl', key: '../self/comm', value: 'x' }] });
    assert.deepEqual(await failureOf(plan), { op: 'sysctl', errno: 'EXDEV' });
  });

  test('a path is masked only by the real null device (CVE-2025-31133)', async () => {
    const mounts = usualMounts.map((operation) =>
      operation.op === 'device' && operation.path === '/dev/null' ? { ...operation, minor: 5 } : operation,
    );
    const plan = container('true', { mounts, before: [{ op: 'mask', path: '/proc/uptime' }] });
    assert.deepEqual(await failureOf(plan), { op: 'mask', errno: 'ENODEV' });
  });

  test('a null device that is a symbolic link masks nothing (CVE-2025-31133)', async () => {
    const mounts = usualMounts.map(
      (operation): PlanOperation =>
        operation.op === 'device' && operation.path === '/dev/null'
          ? { op: 'symlink', path: '/dev/null', target: '/proc/sysrq-trigger' }
          : operation,
    );
    const plan = container('true', { mounts, before: [{ op: 'mask', path: '/proc/uptime' }] });
    assert.deepEqual(await failureOf(plan), { op: 'mask', errno: 'ELOOP' });
  });

  test('masked paths are empty, read-only paths cannot be written', async () => {
    const before: readonly PlanOperation[] = [
      { op: 'read-only-path', path: '/proc/sys' },
      { op: 'mask', path: '/proc/timer_list' },
      { op: 'mask', path: '/proc/acpi' },
      { op: 'mask', path: '/sys/firmware' },
      { op: 'mask', path: '/proc/no-such-file' },
    ];
    const script =
      'wc -c < /proc/timer_list; ls -A /sys/firmware | wc -l; touch /sys/firmware/x 2>/dev/null && echo writable; ' +
      'echo 1 2>/dev/null > /proc/sys/kernel/shm_rmid_forced && echo writable; cat /proc/mounts | grep "/proc/sys "';
    const { stdout } = await run(container(script, { before }));
    assert.match(stdout, /^0\n0\nproc \/proc\/sys proc ro,nosuid,nodev,noexec,relatime 0 0\n$/);
  });

  test('a terminal is taken only from devpts (CVE-2025-52565)', async () => {
    const mounts = usualMounts.filter((operation) => !(operation.op === 'mount' && operation.type === 'devpts'));
    const forged: readonly PlanOperation[] = [
      { op: 'directory', path: '/dev/pts', mode: 0o755, uid: 0, gid: 0 },
      { op: 'device', path: '/dev/pts/ptmx', type: 'c', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 },
      { op: 'terminal', rows: 0, columns: 0, bindConsole: true },
    ];
    const plan = container('true', { mounts, before: forged, monitor: { terminal: true } });
    assert.deepEqual(await failureOf(plan), { op: 'terminal', errno: 'EXDEV' });
  });

  test('mounts, directories and devices stay inside the root whatever links the image has (CVE-2021-30465)', async () => {
    const victim = join(workspace.directory, 'victim');
    mkdirSync(victim);
    const layer = hostileLayer('links', (at) => {
      symlinkSync(victim, join(at, 'absolute'));
      symlinkSync('../../../../../../../../../../..'.concat(victim), join(at, 'relative'));
      symlinkSync('/proc/self/root', join(at, 'magic'));
    });
    const before = ['/absolute', '/relative'].flatMap((path): PlanOperation[] => [
      { op: 'directory', path: `${path}/made`, mode: 0o755, uid: 0, gid: 0 },
      { op: 'device', path: `${path}/node`, type: 'c', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 },
      { op: 'mount', type: 'tmpfs', source: 'tmpfs', path: `${path}/made`, attributes: {}, options: [] },
      { op: 'bind', source: '/etc/passwd', path: `${path}/file`, recursive: false, attributes: {}, createTarget: true },
    ]);
    // A dangling link's target is not made, and a made one stays inside: either way the host sees nothing.
    await failureOf(containerPlan(workspace, ['true'], { layer, before }));
    const made: PlanOperation = { op: 'directory', path: victim, mode: 0o755, uid: 0, gid: 0 };
    assert.deepEqual(await failureOf(containerPlan(workspace, ['true'], { layer, before: [made, ...before] })), {
      op: 'exec',
      errno: 'ENOENT',
    });
    assert.deepEqual(statSync(victim).nlink, 2, 'the host’s directory is as it was');
    const magic: PlanOperation = { op: 'directory', path: '/magic/tmp/x', mode: 0o755, uid: 0, gid: 0 };
    assert.deepEqual(await failureOf(containerPlan(workspace, ['true'], { layer, before: [magic] })), {
      op: 'directory',
      errno: 'ELOOP',
    });
  });

  test('nodes of /dev go to the mount that the plan made there (CVE-2026-41579)', async () => {
    const { stdout } = await run(
      container('ls /dev; ls -l /dev/null', {
        before: [{ op: 'directory', path: '/dev/below/it', mode: 0o700, uid: 0, gid: 0 }],
      }),
    );
    assert.match(stdout, /^below\nnull\nptmx\npts\nzero\ncrw-rw-rw-\s+1 0\s+0\s+1,\s+3/);
  });

  test('below /dev no symbolic link is followed, not even one inside the root (CVE-2026-41579)', async () => {
    const before: readonly PlanOperation[] = [
      { op: 'symlink', path: '/dev/link', target: '/tmp' },
      { op: 'device', path: '/dev/link/node', type: 'c', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 },
    ];
    assert.deepEqual(await failureOf(container('true', { before })), { op: 'device', errno: 'ELOOP' });
  });

  test('the inheritable set is empty, and the others are exactly as asked (CVE-2022-29162)', async () => {
    const mask = capabilityMask(['CAP_CHOWN', 'CAP_KILL', 'CAP_SETPCAP']);
    const hex = mask.toString(16).padStart(16, '0');
    const { stdout } = await run(
      container('grep Cap /proc/self/status', {
        credentials: { bounding: mask, permitted: mask, effective: mask },
      }),
    );
    const empty = '0'.repeat(16);
    assert.equal(stdout, `CapInh:\t${empty}\nCapPrm:\t${hex}\nCapEff:\t${hex}\nCapBnd:\t${hex}\nCapAmb:\t${empty}\n`);
  });

  test('another user has its ids and groups, no capabilities, and its own standard streams', async () => {
    const { stdout, stderr } = await run(
      container('id; grep CapEff /proc/self/status; echo by name > /dev/stderr', {
        credentials: { uid: 1000, gid: 1001, groups: [1001, 50] },
        before: [{ op: 'symlink', path: '/dev/stderr', target: '/proc/self/fd/2' }],
      }),
    );
    assert.equal(stdout, `uid=1000 gid=1001 groups=50,1001\nCapEff:\t${'0'.repeat(16)}\n`);
    assert.equal(stderr, 'by name\n');
  });

  test('no_new_privs, a seccomp filter, umask, limits, host names', async () => {
    // BPF: return ERRNO(EPERM) for sethostname (170 on x86-64, 161 elsewhere), allow everything else.
    const number = process.arch === 'x64' ? 170 : 161;
    const filter = instructions([
      [0x20, 0, 0, 0],
      [0x15, 0, 1, number],
      [0x06, 0, 0, 0x00050001],
      [0x06, 0, 0, 0x7fff0000],
    ]);
    const plan = container(
      'hostname; cat /proc/sys/kernel/domainname; hostname other || echo refused; umask; ulimit -n; ' +
        'grep -E "NoNewPrivs|Seccomp:" /proc/self/status',
      {
        before: [
          { op: 'hostname', name: 'one' },
          { op: 'domainname', name: 'example' },
        ],
        after: [
          { op: 'rlimit', resource: 7, soft: 100n, hard: 200n },
          { op: 'no-new-privileges' },
          { op: 'seccomp', filter },
        ],
      },
    );
    const { stdout } = await run(plan);
    assert.equal(stdout, 'one\nexample\nrefused\n0022\n100\nNoNewPrivs:\t1\nSeccomp:\t2\n');
  });

  test('signals are neither blocked nor ignored in the process', async () => {
    const { stdout } = await run(containerPlan(workspace, ['grep', '-E', 'SigBlk|SigIgn', '/proc/self/status']));
    assert.equal(stdout, `SigBlk:\t${'0'.repeat(16)}\nSigIgn:\t${'0'.repeat(16)}\n`);
  });

  test('the monitor’s socket is for root alone (CVE-2020-15257)', async () => {
    const plan = hostPlan(workspace, ['sleep', '1000']);
    const { monitor } = await start(plan);
    assert.equal(statSync(plan.monitor.socketPath).mode & 0o777, 0o600);
    // Even with a mode that lets everybody connect, the peer's credentials decide.
    chmodSync(plan.monitor.socketPath, 0o666);
    chmodSync(workspace.directory, 0o711);
    chmodSync(dirname(plan.monitor.socketPath), 0o711);
    const greeting = Buffer.from([...Buffer.from('CRTN'), 2, 6, 0, 0]);
    const greet = async (uid: number): Promise<number> => {
      const client = new Client(withEffectiveUser(uid, () => connect(plan.monitor.socketPath)));
      client.socket.write(greeting);
      if (uid === 0) await client.until((text) => text.length === greeting.length, 'raw');
      else await client.ended();
      client.socket.destroy();
      return client.raw.length;
    };
    assert.equal(await greet(0), greeting.length);
    assert.equal(await greet(65534), 0);
    await monitor.kill(9);
    await monitor.released;
  });

  test('a process that is exec’d into a container joins it wholly and brings nothing along', async () => {
    const { monitor, client } = await start(
      container('echo up; sleep 1000', { before: [{ op: 'hostname', name: 'inner' }] }),
    );
    await client.until((text) => text.includes('up'));
    const descriptor = openProcess(monitor.pid);
    const kinds: readonly NamespaceKind[] = ['ipc', 'uts', 'network', 'mount'];
    const base = hostPlan(workspace, []);
    const plan: LaunchPlan = {
      ...base,
      pidNamespace: 0,
      descriptors: [descriptor],
      operations: [
        ...kinds.map((namespace): PlanOperation => ({ op: 'join-namespace', namespace, descriptor: 0 })),
        { op: 'working-directory', path: '/tmp', create: false },
        credentials(),
        execution([
          'sh',
          '-c',
          'hostname; pwd; ls /proc/self/fd | wc -l; cat /proc/1/comm; ls /proc/self/ns -l | grep -c :',
        ]),
      ],
    };
    const result = await run(plan);
    closeSync(descriptor);
    assert.equal(result.stdout, 'inner\n/tmp\n4\nsleep\n10\n');
    assert.deepEqual(
      await failureOf({ ...plan, descriptors: [], pidNamespace: 0 }).catch((error: unknown) => String(error)),
      { op: undefined, errno: 'EINVAL' },
    );
    await monitor.kill(9);
    await monitor.released;
  });

  function instructions(list: readonly (readonly [number, number, number, number])[]): Uint8Array {
    const bytes = Buffer.alloc(list.length * 8);
    for (const [index, [code, whenTrue, whenFalse, value]] of list.entries()) {
      bytes.writeUInt16LE(code, index * 8);
      bytes[index * 8 + 2] = whenTrue;
      bytes[index * 8 + 3] = whenFalse;
      bytes.writeUInt32LE(value, index * 8 + 4);
    }
    return bytes;
  }
});
