import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../../src/base/index.ts';
import type { JoinedProcesses } from '../../../src/engine/container-namespaces.ts';
import { buildOciConfiguration } from '../../../src/engine/oci-configuration.ts';
import { type CgroupManager, createCgroupManager } from '../../../src/kernel/index.ts';
import { createRuntime } from '../../../src/runtime/index.ts';
import type {
  ExitRecord,
  LaunchRequest,
  OciRuntimeConfiguration,
  RunningContainer,
} from '../../../src/runtime/types.ts';
import { type ContainerWishes, containerFixture } from '../../support/container-fixture.ts';

const nativeBinaryPath = new URL('../../../native/build/corten-native', import.meta.url).pathname;

const applets = [
  'cat',
  'chmod',
  'chroot',
  'cp',
  'dd',
  'df',
  'echo',
  'env',
  'grep',
  'head',
  'hostname',
  'id',
  'kill',
  'ln',
  'ls',
  'mkdir',
  'mknod',
  'mount',
  'ps',
  'pwd',
  'readlink',
  'rm',
  'seq',
  'sh',
  'sleep',
  'sort',
  'stat',
  'stty',
  'tail',
  'test',
  'touch',
  'tr',
  'true',
  'tty',
  'umount',
  'unshare',
  'wc',
];

const passwd = 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1001:Ann:/home/ann:/bin/sh\n';
const group = 'root:x:0:\nann:x:1001:\nstaff:x:50:ann\n';

let sequence = 0;

export interface Outcome {
  readonly exit: ExitRecord;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly root?: LaunchRequest['root'];
  readonly init?: boolean;
  readonly openStdin?: boolean;
  readonly networkNamespace?: number;
  readonly attachments?: LaunchRequest['attachments'];
  readonly joined?: JoinedProcesses;
  readonly trace?: LaunchRequest['trace'];
}

export interface Started {
  readonly id: string;
  readonly container: RunningContainer;
  readonly configuration: OciRuntimeConfiguration;
  /** Waits for the end and takes everything away. */
  finish(): Promise<Outcome>;
}

/** A runtime of its own with a busybox root. `close` asserts that nothing of it is left in the kernel. */
export class Sandbox {
  readonly directory = mkdtempSync(join(tmpdir(), 'corten-runtime-'));
  readonly parent = `/corten-runtime-${process.pid}-${(sequence += 1)}`;
  readonly rootDirectory = join(this.directory, 'rootfs');
  readonly runtime;

  readonly #cgroups;

  constructor(cgroups: CgroupManager = createCgroupManager()) {
    this.#cgroups = cgroups;
    this.runtime = this.newRuntime();
    makeRoot(this.rootDirectory);
  }

  /** Another runtime on the same state: a daemon after its restart. */
  newRuntime() {
    return createRuntime({
      execRoot: this.directory,
      cgroupParent: this.parent,
      nativeBinaryPath,
      log: silentLog,
      cgroups: this.#cgroups,
    });
  }

  configuration(
    script: string,
    wishes: ContainerWishes = {},
    id = 'x',
    joined: JoinedProcesses = {},
  ): OciRuntimeConfiguration {
    return buildOciConfiguration({
      container: containerFixture({
        ...wishes,
        effective: { path: '/bin/sh', args: ['-c', script], ...wishes.effective },
      }),
      rootPath: join(this.directory, 'containers', id, 'root'),
      cgroupsPath: this.runtime.cgroupPathFor(id),
      cgroupVersion: this.runtime.cgroups.version,
      joined,
      readRootFile: (path) => Buffer.from(path === '/etc/passwd' ? passwd : group),
      defaultUlimits: [],
    });
  }

  async start(script: string, wishes: ContainerWishes = {}, options: StartOptions = {}): Promise<Started> {
    const id = `c${(sequence += 1)}`;
    const stateDirectory = join(this.directory, 'containers', id);
    const logPath = join(this.directory, `${id}.log`);
    const configuration = this.configuration(script, wishes, id, options.joined);
    const container = await this.runtime.launch({
      id,
      configuration,
      root: options.root ?? { kind: 'directory', path: this.rootDirectory },
      stateDirectory,
      log: { driver: 'json-file', path: logPath, maximumSize: 0, maximumFiles: 1 },
      openStdin: options.openStdin ?? false,
      stdinOnce: false,
      volatile: false,
      init: options.init ?? false,
      relays: [],
      heldDescriptors: [],
      ...(options.networkNamespace === undefined ? {} : { networkNamespace: options.networkNamespace }),
      attachments: options.attachments ?? [],
      ...(options.trace === undefined ? {} : { trace: options.trace }),
    });
    const finish = async (): Promise<Outcome> => {
      const exit = await container.exited;
      await container.released;
      await this.runtime.discard(id, stateDirectory, container.record.cgroupPath);
      return { exit, ...readLog(logPath) };
    };
    return { id, container, configuration, finish };
  }

  async run(script: string, wishes: ContainerWishes = {}, options: StartOptions = {}): Promise<Outcome> {
    return (await this.start(script, wishes, options)).finish();
  }

  /** What was written so far. */
  output(started: Started): string {
    return readLog(join(this.directory, `${started.id}.log`)).stdout;
  }

  async close(): Promise<void> {
    const left = await this.runtime.leftovers();
    // After a failed test: its container must not keep this process waiting for its end.
    for (const { id } of left) {
      await this.runtime.discard(id, join(this.directory, 'containers', id), this.runtime.cgroupPathFor(id));
    }
    assert.deepEqual(left, []);
    await this.runtime.removeParentCgroup();
    assert.ok(!this.runtime.cgroups.exists(this.parent), 'a cgroup is left');
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(this.directory), 'a mount is left');
    assert.deepEqual(processesOf(this.directory), [], 'a process is left');
    rmSync(this.directory, { recursive: true });
  }
}

function makeRoot(directory: string): void {
  for (const name of ['bin', 'etc', 'tmp', 'root', 'dev', 'proc', 'sys', 'home/ann']) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  copyFileSync('/bin/busybox', join(directory, 'bin/busybox'));
  for (const applet of applets) symlinkSync('busybox', join(directory, 'bin', applet));
  writeFileSync(join(directory, 'etc/passwd'), passwd);
  writeFileSync(join(directory, 'etc/group'), group);
  writeFileSync(join(directory, 'etc/not-executable'), 'text');
}

function readLog(path: string): { readonly stdout: string; readonly stderr: string } {
  const streams = { stdout: '', stderr: '' };
  for (const line of existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []) {
    if (line === '') continue;
    const record = JSON.parse(line) as { log: string; stream: 'stdout' | 'stderr' };
    streams[record.stream] += record.log;
  }
  return streams;
}

/** Processes whose arguments or open sockets' directory name the sandbox: monitors that did not go. */
function processesOf(directory: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
      } catch {
        return false;
      }
    });
}
