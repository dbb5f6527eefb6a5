import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { Database, silentLog } from '../../../src/base/index.ts';
import { createNetworkNamespace } from '../../../src/kernel/namespace.ts';
import { linkPrefix } from '../../../src/network/names.ts';
import {
  type AttachRequest,
  createNetworkService,
  type NetworkService,
  type NetworkSettings,
  type PreparedNamespace,
} from '../../../src/network/index.ts';

const program = new URL('peer.ts', import.meta.url).pathname;

export const command = (name: string, ...argv: readonly string[]): string =>
  execFileSync(name, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });

/** Waits for `holds` without sleeping, for at most 20 seconds. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`);
    await turn();
  }
}

let serial = 0;

/** One daemon's network on this machine, with names of its own, and the programs that run in its namespaces. */
export class World {
  readonly settings: NetworkSettings;
  readonly database = new Database(':memory:');
  /** What the service warned of. */
  readonly warnings: string[] = [];
  service: NetworkService;
  readonly #children: ChildProcess[] = [];
  readonly #descriptors = new Set<number>();

  constructor(overrides: Partial<NetworkSettings> = {}) {
    const instance = `t${process.pid}x${(serial += 1)}`;
    this.settings = {
      instance,
      bridgeName: `ct${process.pid}x${serial}`,
      bridgeAddress: undefined,
      addressPools: [{ base: '10.213.0.0/16', size: 24 }],
      dns: [],
      dnsSearch: [],
      dnsOptions: [],
      mtu: 1500,
      ...overrides,
    };
    this.service = this.again();
  }

  /** The service as a daemon would have it that was started after a crash of the last one. */
  again(): NetworkService {
    const log = { ...silentLog, warn: (_fields: object, message: string) => this.warnings.push(message) };
    this.service = createNetworkService({ settings: this.settings, database: this.database, log });
    return this.service;
  }

  async prepare(
    containerId: string,
    options: Partial<AttachRequest> = {},
  ): Promise<PreparedNamespace & { readonly address: string }> {
    const prepared = await this.service.prepare({ containerId, network: 'bridge', publications: [], ...options });
    for (const descriptor of descriptorsOf(prepared)) this.#descriptors.add(descriptor);
    return { ...prepared, address: prepared.endpoint?.address ?? '' };
  }

  /** What the end of a container's process does: its namespace and sockets go. */
  end(prepared: PreparedNamespace): void {
    for (const descriptor of descriptorsOf(prepared)) {
      if (this.#descriptors.delete(descriptor)) closeSync(descriptor);
    }
  }

  /** A machine beside the host: a namespace with one link to it. */
  outside(link: string, hostAddress: string, address: string): number {
    const descriptor = createNetworkNamespace();
    this.#descriptors.add(descriptor);
    const inside = ['nsenter', `--net=/proc/${process.pid}/fd/${descriptor}`, 'ip'] as const;
    command('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', `${link}o`);
    // For ip(8), a namespace is a process in it.
    command('ip', 'link', 'set', `${link}o`, 'netns', String(this.hold(descriptor)));
    command('ip', 'address', 'add', `${hostAddress}/24`, 'dev', link);
    command('ip', 'link', 'set', link, 'up');
    command(...inside, 'address', 'add', `${address}/24`, 'dev', `${link}o`);
    command(...inside, 'link', 'set', `${link}o`, 'up');
    command(...inside, 'link', 'set', 'lo', 'up');
    return descriptor;
  }

  /** A process in a namespace; its PID. */
  hold(descriptor: number): number {
    const holder = spawn('nsenter', [`--net=/proc/${process.pid}/fd/${descriptor}`, 'sleep', '600'], {
      stdio: 'ignore',
    });
    this.#children.push(holder);
    const pid = holder.pid;
    if (pid === undefined) throw new Error('nsenter was not started');
    waitForNamespace(pid, descriptor);
    return pid;
  }

  /** Starts a server in a namespace (undefined: on the host) and waits until it listens; its port. */
  async serve(namespace: number | undefined, kind: 'tcp' | 'udp', address: string, port: number): Promise<number> {
    const child = this.#start(namespace, `${kind}-server`, address, port);
    const { stdout } = child;
    if (stdout === null) throw new Error('no standard output');
    const signal = AbortSignal.timeout(20_000);
    const [line] = (await once(createInterface({ input: stdout }), 'line', { signal })) as [string];
    const match = /^ready (\d+)$/.exec(line);
    if (match === null) throw new Error(`the server said ${line}`);
    return Number(match[1]);
  }

  /** Links and rules that this network has on the host. */
  traces(): readonly string[] {
    const names = [this.settings.bridgeName, linkPrefix(this.settings.instance)];
    const links = command('ip', '-o', 'link')
      .split('\n')
      .map((line) => line.split(': ')[1] ?? '')
      .filter((name) => names.some((prefix) => name.startsWith(prefix)));
    const tables = command('nft', 'list', 'tables', 'ip').split('\n');
    return [...links, ...tables.filter((line) => line.endsWith(`corten-${this.settings.instance}`))];
  }

  /** The address that the server saw us at, or "failed CODE". */
  async ask(
    namespace: number | undefined,
    kind: 'tcp' | 'udp',
    address: string,
    port: number,
    deadlineMilliseconds = 10_000,
  ): Promise<string> {
    const child = this.#start(namespace, `${kind}-client`, address, port, deadlineMilliseconds);
    let output = '';
    child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
    await once(child, 'close', { signal: AbortSignal.timeout(30_000) });
    return output.trim();
  }

  #start(namespace: number | undefined, role: string, ...argv: readonly (string | number)[]): ChildProcess {
    const node = [process.execPath, program, role, ...argv.map(String)];
    const [file = '', ...rest] =
      namespace === undefined ? node : ['nsenter', `--net=/proc/${process.pid}/fd/${namespace}`, ...node];
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    return child;
  }

  /** Ends every program, closes every namespace and takes the network down. */
  async close(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    for (const descriptor of this.#descriptors) closeSync(descriptor);
    this.#descriptors.clear();
    const networkId = this.service.resolve('bridge').id;
    for (const { containerId } of this.service.endpoints(networkId)) await this.service.release(containerId);
    await this.service.stop();
    this.database.close();
  }
}

function descriptorsOf(prepared: PreparedNamespace): readonly number[] {
  return [prepared.descriptor, ...prepared.heldDescriptors, ...prepared.relays.map((relay) => relay.listener)];
}

/** nsenter enters only after it was started: until then the process is still on the host's network. */
function waitForNamespace(pid: number, descriptor: number): void {
  const deadline = Date.now() + 20_000;
  const wanted = command('readlink', `/proc/${process.pid}/fd/${descriptor}`);
  while (command('readlink', `/proc/${pid}/ns/net`) !== wanted) {
    if (Date.now() > deadline) throw new Error('the namespace of the outside machine was not entered');
  }
}
