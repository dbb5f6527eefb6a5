/** Plans made by hand over a root of the host's static busybox, and processes that run by them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { capabilityMask, close, socketPair } from '../../../src/kernel/index.ts';
import { type Monitor, spawnMonitor } from '../../../src/runtime/monitor.ts';
import type { LaunchPlan, LogTarget, MonitorSetup, PlanOperation } from '../../../src/runtime/plan.ts';
import type { AttachOptions, ExitRecord } from '../../../src/runtime/types.ts';

export const nativeDirectory = join(import.meta.dirname, '../../../native');
/** Another build of it may be given, e.g. one with a defence taken out, to see which test notices. */
export const binaryPath = process.env['CORTEN_NATIVE'] ?? join(nativeDirectory, 'build/corten-native');

const applets = ['sh', 'cat', 'echo', 'true', 'false', 'ls', 'stty', 'sleep', 'kill', 'id', 'grep', 'head', 'pwd'];
const moreApplets = [
  'readlink',
  'touch',
  'tty',
  'umask',
  'hostname',
  'printf',
  'yes',
  'dd',
  'wc',
  'mount',
  'env',
  'ps',
];

/** A directory with layers below it; `remove` checks that no mount and no monitor was left. */
export interface Workspace {
  readonly directory: string;
  readonly layer: string;
  remove(): void;
}

export function makeWorkspace(): Workspace {
  if (!existsSync(binaryPath)) execFileSync('make', ['-s', '-C', nativeDirectory]);
  const directory = mkdtempSync('/tmp/corten-native-');
  const layer = join(directory, 'layers/base');
  for (const name of ['bin', 'proc', 'sys', 'dev', 'etc', 'tmp', 'root'])
    mkdirSync(join(layer, name), { recursive: true });
  copyFileSync('/bin/busybox', join(layer, 'bin/busybox'));
  for (const applet of [...applets, ...moreApplets]) symlinkSync('busybox', join(layer, 'bin', applet));
  return {
    directory,
    layer,
    remove: () => {
      // None is left by tests that went well; after a failure, their sockets would keep this process from ending.
      const monitors = monitorsOfThisProcess();
      for (const pid of monitors) process.kill(Number(pid), 'SIGKILL');
      assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(directory), 'a mount was left on the host');
      rmSync(directory, { recursive: true, force: true });
      assert.deepEqual(monitors, [], 'a monitor was left');
    },
  };
}

/** What Docker gives by default, without AUDIT_WRITE: everybody who may run these tests has it. */
export const defaultCapabilities = capabilityMask([
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
]);
let count = 0;

export interface PlanOptions {
  readonly monitor?: Partial<MonitorSetup>;
  readonly log?: Partial<LogTarget>;
  /** After the root and the usual mounts, before pivot-root. */
  readonly before?: readonly PlanOperation[];
  /** After pivot-root, before the credentials. */
  readonly after?: readonly PlanOperation[];
  readonly mounts?: readonly PlanOperation[];
  readonly credentials?: Partial<Extract<PlanOperation, { op: 'credentials' }>>;
  readonly workingDirectory?: string;
  readonly init?: boolean;
  readonly descriptors?: readonly number[];
  readonly layer?: string;
  readonly cloneNamespaces?: LaunchPlan['cloneNamespaces'];
  readonly environment?: readonly string[];
  readonly readOnly?: boolean;
}

const quiet = { noSuid: true, noDev: true, noExec: true } as const;
export const usualMounts: readonly PlanOperation[] = [
  { op: 'mount', type: 'proc', source: 'proc', path: '/proc', attributes: quiet, options: [] },
  {
    op: 'mount',
    type: 'tmpfs',
    source: 'tmpfs',
    path: '/dev',
    attributes: { noSuid: true },
    options: ['mode=755', 'size=65536k'],
  },
  {
    op: 'mount',
    type: 'devpts',
    source: 'devpts',
    path: '/dev/pts',
    attributes: { noSuid: true, noExec: true },
    options: ['newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { op: 'mount', type: 'sysfs', source: 'sysfs', path: '/sys', attributes: { ...quiet, readOnly: true }, options: [] },
  { op: 'device', path: '/dev/null', type: 'c', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 },
  { op: 'device', path: '/dev/zero', type: 'c', major: 1, minor: 5, mode: 0o666, uid: 0, gid: 0 },
  { op: 'symlink', path: '/dev/ptmx', target: 'pts/ptmx' },
];

/** The plan of `command` in a container of its own. Its state directory is made. */
export function containerPlan(workspace: Workspace, command: readonly string[], options: PlanOptions = {}): LaunchPlan {
  const state = join(workspace.directory, `container-${count++}`);
  for (const name of ['upper', 'work', 'root']) mkdirSync(join(state, name), { recursive: true });
  const layer = options.layer ?? workspace.layer;
  const operations: PlanOperation[] = [
    { op: 'root-propagation', propagation: 'rslave' },
    {
      op: 'root-overlay',
      target: join(state, 'root'),
      layersDirectory: join(layer, '..'),
      lower: [layer.slice(layer.lastIndexOf('/') + 1)],
      upper: join(state, 'upper'),
      work: join(state, 'work'),
      volatile: true,
    },
    ...(options.mounts ?? usualMounts),
    ...(options.before ?? []),
    { op: 'pivot-root', readOnly: options.readOnly ?? false, propagation: 'rprivate' },
    ...(options.after ?? []),
    { op: 'umask', mask: 0o022 },
    { op: 'working-directory', path: options.workingDirectory ?? '/', create: true },
    credentials(options.credentials),
    execution(command, options),
  ];
  return {
    monitor: monitorSetup(state, options),
    cloneNamespaces: options.cloneNamespaces ?? ['mount', 'pid', 'network', 'ipc', 'uts'],
    operations,
    descriptors: options.descriptors ?? [],
  };
}

/** A plan without namespaces or a root, for tests of the monitor alone: much cheaper. */
export function hostPlan(workspace: Workspace, command: readonly string[], options: PlanOptions = {}): LaunchPlan {
  const state = join(workspace.directory, `process-${count++}`);
  mkdirSync(state);
  return {
    monitor: { ...monitorSetup(state, options), deferUnmount: false },
    cloneNamespaces: options.cloneNamespaces ?? [],
    operations: [...(options.after ?? []), execution(['/bin/busybox', ...command], options)],
    descriptors: options.descriptors ?? [],
  };
}

function monitorSetup(state: string, options: PlanOptions): MonitorSetup {
  return {
    socketPath: join(state, 'monitor.sock'),
    exitPath: join(state, 'exit'),
    terminal: false,
    openStdin: false,
    stdinOnce: false,
    log: { driver: 'none', path: join(state, 'log'), maximumSize: 0, maximumFiles: 1, ...options.log },
    relays: [],
    held: [],
    deferUnmount: true,
    ...options.monitor,
  };
}

export function credentials(
  changes: Partial<Extract<PlanOperation, { op: 'credentials' }>> = {},
): Extract<PlanOperation, { op: 'credentials' }> {
  return {
    op: 'credentials',
    uid: 0,
    gid: 0,
    groups: [],
    bounding: defaultCapabilities,
    permitted: defaultCapabilities,
    effective: defaultCapabilities,
    ambient: 0n,
    ...changes,
  };
}

export function execution(command: readonly string[], options: PlanOptions = {}): PlanOperation {
  return {
    op: 'exec',
    arguments: command,
    environment: options.environment ?? ['PATH=/bin', 'HOME=/root'],
    init: options.init ?? false,
  };
}

/** A client of a process, with what it received. */
export class Client {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  readonly #ended: Promise<void>;
  #wake = Promise.withResolvers<undefined>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#wake.resolve(undefined);
      this.#wake = Promise.withResolvers<undefined>();
    });
    socket.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      socket.once('end', () => socket.end());
      socket.once('close', () => {
        resolve();
        this.#wake.resolve(undefined);
      });
    });
  }

  get raw(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  get frames(): string {
    const { stdout, stderr } = splitFrames(Buffer.concat(this.#chunks));
    return stdout + stderr;
  }

  /** Waits until what was received (of either form) satisfies `condition`. */
  async until(condition: (text: string) => boolean, form: 'raw' | 'frames' = 'frames'): Promise<string> {
    for (;;) {
      const text = this[form];
      if (condition(text)) return text;
      if (this.socket.destroyed) throw new Error(`the connection ended after: ${JSON.stringify(text)}`);
      await deadline(this.#wake.promise, `waiting for output; there is only ${JSON.stringify(text.slice(-500))}`);
    }
  }

  async ended(): Promise<Buffer> {
    await deadline(this.#ended, 'the end of the output');
    return Buffer.concat(this.#chunks);
  }
}

export function splitFrames(bytes: Buffer): { readonly stdout: string; readonly stderr: string } {
  const streams = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at + 4);
    const stream = bytes[at] === 2 ? streams.stderr : streams.stdout;
    stream.push(bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return { stdout: Buffer.concat(streams.stdout).toString(), stderr: Buffer.concat(streams.stderr).toString() };
}

export interface Started {
  readonly monitor: Monitor;
  readonly client: Client;
}

export const everything: AttachOptions = { stdin: true, stdout: true, stderr: true };

/** Starts a plan with one client that is attached from the first byte. */
export async function start(plan: LaunchPlan, streams: AttachOptions = everything): Promise<Started> {
  const [ours, theirs] = socketPair();
  const client = new Client(new Socket({ fd: ours, allowHalfOpen: true }));
  try {
    const monitor = await deadline(
      spawnMonitor(plan, { binaryPath, clients: [{ descriptor: theirs, ...streams }] }),
      'the start',
    );
    return { monitor, client };
  } catch (error) {
    client.socket.destroy();
    throw error;
  } finally {
    close(theirs);
  }
}

export interface Finished extends ExitRecord {
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a plan and waits for its end, up to the monitor's own. */
export async function run(plan: LaunchPlan): Promise<Finished> {
  const { monitor, client } = await start(plan);
  const output = await client.ended();
  const exit = await deadline(monitor.exited, 'the exit');
  await deadline(monitor.released, 'the end of the monitor');
  return { ...exit, ...splitFrames(output) };
}

/** Every wait of these tests goes through here, so that a failure says what was waited for. */
export async function deadline<T>(promise: Promise<T>, what: string, milliseconds = 30_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`too late: ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** PIDs of monitors, whose parent is this process. */
export function monitorsOfThisProcess(): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'utf8');
      return text.includes('(corten-monitor)') && text.split(') ')[1]?.split(' ')[1] === String(process.pid);
    } catch {
      return false;
    }
  });
}
