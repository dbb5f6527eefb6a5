/** Mixed work against a daemon that may die at any moment, and the memory of what it acknowledged. */
import assert from 'node:assert/strict';
import { type ApiClient, idOf } from '../../support/api-client.ts';
import type { Random } from '../../support/random.ts';
import type { Inspection } from './world.ts';

/** Lines by which a gap in a log shows. Serves /var/www too. */
export const numberedLines = 'httpd -h /var/www; i=0; while true; do i=$((i+1)); echo $i; sleep 0.3; done';

/** What the client was told of a container. */
export interface Known {
  readonly name: string;
  readonly id: string;
  /** undefined: it runs until it is killed. */
  readonly exitCode: number | undefined;
  readonly policy: 'no' | 'always' | 'unless-stopped' | 'on-failure';
  readonly autoRemove: boolean;
  readonly port: number | undefined;
  state: 'created' | 'started' | 'killed' | 'removed';
  paused: boolean;
  pid: number | undefined;
  /** A rename that was asked for: the acknowledged name is the last one, unless it is doubtful. */
  names: readonly string[];
  /** How many runs its log may hold, and lines that were seen. */
  starts: number;
  lines: number;
  /** The daemon died before it answered the last request: that happened, or did not. */
  doubtful: boolean;
}

/** A name outside containers (volume, tag): there, gone, or asked for without an answer. */
export type Existence = 'present' | 'absent' | 'doubtful';

let ports = 20_000;

export class Worker {
  readonly #random: Random;
  readonly #prefix: string;
  #count = 0;
  readonly known: Known[] = [];
  readonly volumes = new Map<string, Existence>();
  readonly tags = new Map<string, Existence>();
  steps = 0;

  constructor(prefix: string, random: Random) {
    this.#prefix = prefix;
    this.#random = random;
  }

  /** Does steps until the daemon goes away. */
  async run(api: ApiClient, stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      try {
        await this.#step(api);
        this.steps += 1;
      } catch (error) {
        if (!stopped()) throw error;
        return;
      }
    }
  }

  get #present(): readonly Known[] {
    return this.known.filter(({ state }) => state !== 'removed');
  }

  async #step(api: ApiClient): Promise<void> {
    const present = this.#present;
    const target = this.#random.pick(present);
    const choice = this.#random.next();
    if (target === undefined || (choice < 0.25 && present.length < 6)) await this.#create(api);
    else if (choice < 0.5) await this.#start(api, target);
    else if (choice < 0.58) await this.#kill(api, target);
    else if (choice < 0.61) await this.#restart(api, target);
    else if (choice < 0.73) await this.#remove(api, target);
    else if (choice < 0.8) await this.#exec(api, target);
    else if (choice < 0.87) await this.#pauseOrNot(api, target);
    else if (choice < 0.91) await this.#rename(api, target);
    else if (choice < 0.95) await this.#tagOrNot(api);
    else await this.#volumeOrNot(api);
  }

  #nextName(): string {
    this.#count += 1;
    return `${this.#prefix}-${this.#count}`;
  }

  async #create(api: ApiClient): Promise<void> {
    const random = this.#random;
    const exitCode = random.next() < 0.65 ? undefined : 1 + random.below(100);
    const published = exitCode === undefined && random.next() < 0.2;
    const port = published ? (ports += 1) : undefined;
    const policies = exitCode === undefined ? (['always', 'unless-stopped'] as const) : (['on-failure'] as const);
    const policy = random.next() < 0.25 ? (random.pick(policies) ?? 'no') : 'no';
    const autoRemove = policy === 'no' && random.next() < 0.15;
    const name = this.#nextName();
    const host = {
      NetworkMode: published || random.next() < 0.4 ? 'bridge' : 'none',
      AutoRemove: autoRemove,
      RestartPolicy: { Name: policy, MaximumRetryCount: policy === 'on-failure' ? 2 : 0 },
      ...(random.next() < 0.1 ? { CgroupParent: '/corten-crash-test' } : {}),
      ...(port === undefined ? {} : { PortBindings: { '80/tcp': [{ HostPort: String(port) }] } }),
    };
    const id = idOf(
      await api.call('POST', `/containers/create?name=${name}`, {
        Image: 'busybox',
        Cmd: ['sh', '-c', exitCode === undefined ? numberedLines : `exit ${exitCode}`],
        ...(random.next() < 0.2 ? { Volumes: { '/data': {} } } : {}),
        HostConfig: host,
      }),
    );
    const fresh = { state: 'created', paused: false, pid: undefined, starts: 0, lines: 0, doubtful: false } as const;
    this.known.push({ ...fresh, name, id, exitCode, policy, autoRemove, port, names: [name] });
  }

  /** `work` was asked for: until it is acknowledged nobody knows. */
  async #doubting(target: Known, work: () => Promise<void>): Promise<void> {
    target.doubtful = true;
    await work();
    target.doubtful = false;
  }

  async #start(api: ApiClient, target: Known): Promise<void> {
    if (target.state !== 'created') return;
    await this.#doubting(target, async () => {
      target.starts += 1;
      await api.call('POST', `/containers/${target.id}/start`);
      target.state = 'started';
      await this.#notePid(api, target);
    });
  }

  async #notePid(api: ApiClient, target: Known): Promise<void> {
    if (target.exitCode !== undefined) return;
    const { State } = (await api.call('GET', `/containers/${target.id}/json`)) as Inspection;
    target.pid = State.Pid;
  }

  #isLongRunning(target: Known): boolean {
    return target.state === 'started' && target.exitCode === undefined;
  }

  async #kill(api: ApiClient, target: Known): Promise<void> {
    if (!this.#isLongRunning(target)) return;
    const path = this.#random.next() < 0.5 ? 'kill' : 'stop?t=0';
    await this.#doubting(target, async () => {
      await api.call('POST', `/containers/${target.id}/${path}`);
      target.state = target.autoRemove ? 'removed' : 'killed';
      // Its removal is not what was asked for: it comes soon, not at once.
      if (target.autoRemove) this.#forget(target);
      target.paused = false;
    });
  }

  #forget(target: Known): void {
    this.known.splice(this.known.indexOf(target), 1);
  }

  async #restart(api: ApiClient, target: Known): Promise<void> {
    if (!this.#isLongRunning(target) || target.autoRemove) return;
    await this.#doubting(target, async () => {
      target.starts += 1;
      await api.call('POST', `/containers/${target.id}/restart?t=0`);
      target.paused = false;
      await this.#notePid(api, target);
    });
  }

  async #remove(api: ApiClient, target: Known): Promise<void> {
    // One that removes itself may be gone before us.
    if (target.autoRemove && target.exitCode !== undefined && target.state !== 'created') return;
    await this.#doubting(target, async () => {
      await api.call('DELETE', `/containers/${target.id}?force=1&v=1`);
      target.state = 'removed';
    });
  }

  /** Attached or not. An attached one must give back what it printed. */
  async #exec(api: ApiClient, target: Known): Promise<void> {
    if (!this.#isLongRunning(target) || target.paused) return;
    const attached = this.#random.next() < 0.5;
    const exec = idOf(
      await api.call('POST', `/containers/${target.id}/exec`, {
        Cmd: ['echo', 'said inside'],
        AttachStdout: attached,
      }),
    );
    const output = await api.call('POST', `/exec/${exec}/start`, { Detach: !attached });
    if (attached) assert.match(String(output), /said inside/);
  }

  async #pauseOrNot(api: ApiClient, target: Known): Promise<void> {
    if (!this.#isLongRunning(target)) return;
    await this.#doubting(target, async () => {
      await api.call('POST', `/containers/${target.id}/${target.paused ? 'unpause' : 'pause'}`);
      target.paused = !target.paused;
    });
  }

  async #rename(api: ApiClient, target: Known): Promise<void> {
    if (target.autoRemove) return;
    const name = this.#nextName();
    target.names = [...target.names.slice(-1), name];
    await api.call('POST', `/containers/${target.id}/rename?name=${name}`);
    target.names = [name];
  }

  async #tagOrNot(api: ApiClient): Promise<void> {
    await this.#toggle(
      this.tags,
      `crash-${this.#prefix}:${this.#random.below(3)}`,
      (tag) => api.call('POST', `/images/busybox/tag?repo=${tag.split(':')[0]}&tag=${tag.split(':')[1]}`),
      (tag) => api.call('DELETE', `/images/${tag}`),
    );
  }

  async #volumeOrNot(api: ApiClient): Promise<void> {
    await this.#toggle(
      this.volumes,
      `${this.#prefix}-volume-${this.#random.below(3)}`,
      (Name) => api.call('POST', '/volumes/create', { Name }),
      (name) => api.call('DELETE', `/volumes/${name}`),
    );
  }

  async #toggle(
    all: Map<string, Existence>,
    name: string,
    make: (name: string) => Promise<unknown>,
    remove: (name: string) => Promise<unknown>,
  ): Promise<void> {
    const present = all.get(name) === 'present';
    all.set(name, 'doubtful');
    await (present ? remove(name) : make(name));
    all.set(name, present ? 'absent' : 'present');
  }
}
