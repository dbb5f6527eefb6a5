import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { errno } from '../errno.ts';
import { hasErrno, KernelError } from '../kernel-error.ts';
import {
  makeDirectory,
  makeDirectoryIfMissing,
  processesBelow,
  readAll,
  readControl,
  removeTree,
  settle,
  subdirectories,
  tryRemoveTree,
  writeControl,
} from './files.ts';
import { groupDirectory, type Hierarchy } from './hierarchies.ts';
import type {
  CgroupCapabilities,
  CgroupExplanation,
  CgroupManager,
  CgroupResources,
  CgroupStatistics,
  CgroupView,
  DeviceRule,
} from './types.ts';
import { killEverything } from './kill.ts';
import { explainedFilesV1, readStatisticsV1 } from './statistics-v1.ts';

/**
 * cgroup v1: one directory in each hierarchy. Works with any subset of controllers; a limit whose controller is
 * missing is the caller's to refuse (see capabilities). Named hierarchies are left alone: they limit nothing.
 */
export class CgroupManagerV1 implements CgroupManager {
  readonly version = 1;
  readonly controllers: readonly string[];
  readonly #hierarchies: readonly Hierarchy[];
  readonly #byController = new Map<string, Hierarchy>();
  /** Parents made already, so that a start does not look at them again. */
  readonly #parents = new Set<string>();

  constructor(hierarchies: readonly Hierarchy[]) {
    this.#hierarchies = hierarchies.filter(({ controllers }) => !controllers[0]?.startsWith('name='));
    for (const hierarchy of this.#hierarchies) {
      for (const controller of hierarchy.controllers) this.#byController.set(controller, hierarchy);
    }
    this.controllers = [...this.#byController.keys()];
  }

  capabilities(): CgroupCapabilities {
    const has = (controller: string, file?: string): boolean => {
      const hierarchy = this.#byController.get(controller);
      if (hierarchy === undefined) return false;
      return file === undefined || existsSync(`${groupDirectory(hierarchy, '.')}/${file}`);
    };
    const cpuset = this.#byController.get('cpuset');
    const read = (name: string): string =>
      cpuset === undefined
        ? ''
        : (readControl(`${groupDirectory(cpuset, '/')}/cpuset.${name}`) ??
          readControl(`${groupDirectory(cpuset, '/')}/${name}`) ??
          '');
    return {
      version: 1,
      controllers: this.controllers,
      memoryLimit: has('memory', 'memory.limit_in_bytes'),
      swapLimit: has('memory', 'memory.memsw.limit_in_bytes'),
      memoryReservation: has('memory', 'memory.soft_limit_in_bytes'),
      memorySwappiness: has('memory', 'memory.swappiness'),
      oomKillDisable: has('memory', 'memory.oom_control'),
      cpuShares: has('cpu', 'cpu.shares'),
      cpuCfs: has('cpu', 'cpu.cfs_quota_us'),
      cpuRealtime: has('cpu', 'cpu.rt_runtime_us'),
      cpuset: cpuset !== undefined,
      pids: has('pids'),
      blkioWeight: has('blkio', 'blkio.weight') || has('blkio', 'blkio.bfq.weight'),
      devices: has('devices'),
      cpus: read('cpus'),
      mems: read('mems'),
    };
  }

  create(path: string, resources: CgroupResources): void {
    const made: string[] = [];
    try {
      for (const hierarchy of this.#hierarchies) {
        const directory = groupDirectory(hierarchy, path);
        this.#makeParents(hierarchy, directory);
        makeFreshDirectory(directory);
        made.push(directory);
      }
      if (resources.devices !== undefined) this.#writeDevices(path, resources.devices);
      this.update(path, { ...resources, devices: [] });
    } catch (error) {
      for (const directory of made) tryRemoveTree(directory);
      throw error;
    }
  }

  #makeParents(hierarchy: Hierarchy, directory: string): void {
    const parent = dirname(directory);
    if (this.#parents.has(parent) && existsSync(parent)) return;
    if (parent !== hierarchy.mountPoint && parent.startsWith(hierarchy.mountPoint)) {
      this.#makeParents(hierarchy, parent);
      makeDirectoryIfMissing(parent);
      if (hierarchy.controllers.includes('cpuset')) initialiseCpuset(parent);
    }
    this.#parents.add(parent);
  }

  #file(controller: string, path: string, name: string): string {
    const hierarchy = this.#byController.get(controller);
    // ENOTSUP rather than a silent skip: a limit that is not applied is worse than a container that does not start.
    if (hierarchy === undefined) {
      throw new KernelError({ call: 'cgroup', errno: errno.ENOTSUP, subject: `${controller} (not mounted)` });
    }
    return `${groupDirectory(hierarchy, path)}/${name}`;
  }

  #writeDevices(path: string, rules: readonly DeviceRule[]): void {
    if (!this.#byController.has('devices')) return;
    let file = '';
    let pending: string[] = [];
    const flush = (): void => {
      if (pending.length > 0) writeControl(this.#file('devices', path, file), ...pending);
      pending = [];
    };
    for (const rule of rules) {
      const next = rule.allow ? 'devices.allow' : 'devices.deny';
      if (next !== file) flush();
      file = next;
      pending.push(deviceLine(rule));
    }
    flush();
  }

  update(path: string, resources: CgroupResources): void {
    const write = (controller: string, name: string, value: number | string | undefined): void => {
      if (value !== undefined) writeControl(this.#file(controller, path, name), String(value));
    };
    const { memory, cpu, pids, blockIO, devices } = resources;
    if (devices !== undefined && devices.length > 0) this.#writeDevices(path, devices);
    if (memory !== undefined) {
      this.#writeMemoryLimits(path, memory.limit, memory.swap);
      write('memory', 'memory.soft_limit_in_bytes', memory.reservation);
      write('memory', 'memory.swappiness', memory.swappiness);
      if (memory.disableOOMKiller === true) write('memory', 'memory.oom_control', '1');
    }
    if (cpu !== undefined) {
      write('cpu', 'cpu.shares', cpu.shares);
      write('cpu', 'cpu.cfs_period_us', cpu.period);
      write('cpu', 'cpu.cfs_quota_us', cpu.quota);
      write('cpu', 'cpu.rt_period_us', cpu.realtimePeriod);
      write('cpu', 'cpu.rt_runtime_us', cpu.realtimeRuntime);
      write('cpuset', 'cpuset.cpus', cpu.cpus);
      write('cpuset', 'cpuset.mems', cpu.mems);
    }
    if (pids !== undefined) write('pids', 'pids.max', pids.limit > 0 ? pids.limit : 'max');
    if (blockIO?.weight !== undefined) {
      const plain = this.#file('blkio', path, 'blkio.weight');
      write('blkio', existsSync(plain) ? 'blkio.weight' : 'blkio.bfq.weight', blockIO.weight);
    }
  }

  /**
   * The kernel keeps memory <= memory+swap at every moment, so which goes first depends on the direction of the
   * change: it refuses the wrong order with EINVAL.
   */
  #writeMemoryLimits(path: string, limit: number | undefined, swap: number | undefined): void {
    const writeLimit = (): void => {
      if (limit !== undefined) writeControl(this.#file('memory', path, 'memory.limit_in_bytes'), String(limit));
    };
    const writeSwap = (): void => {
      if (swap !== undefined) writeControl(this.#file('memory', path, 'memory.memsw.limit_in_bytes'), String(swap));
    };
    try {
      writeLimit();
    } catch (error) {
      if (swap === undefined || !hasErrno(error, 'EINVAL')) throw error;
      writeSwap();
      writeLimit();
      return;
    }
    writeSwap();
  }

  directories(path: string): readonly string[] {
    return this.#hierarchies.map((hierarchy) => groupDirectory(hierarchy, path));
  }

  exists(path: string): boolean {
    return this.directories(path).some((directory) => existsSync(directory));
  }

  async freeze(path: string): Promise<void> {
    const file = this.#file('freezer', path, 'freezer.state');
    writeControl(file, 'FROZEN');
    // A process in the middle of a fork can keep the state at FREEZING until it is asked again.
    await settle(`freeze ${file}`, () => {
      if (readControl(file) === 'FROZEN') return true;
      writeControl(file, 'FROZEN');
      return readControl(file) === 'FROZEN';
    });
  }

  async thaw(path: string): Promise<void> {
    writeControl(this.#file('freezer', path, 'freezer.state'), 'THAWED');
  }

  async killAll(path: string): Promise<void> {
    const hierarchy = this.#processHierarchy();
    if (hierarchy === undefined) return;
    await killEverything(groupDirectory(hierarchy, path));
    // A frozen process dies only once it is thawed.
    const freezer = this.#byController.get('freezer');
    if (freezer === undefined) return;
    const state = `${groupDirectory(freezer, path)}/freezer.state`;
    if (existsSync(state)) writeControl(state, 'THAWED');
  }

  #processHierarchy(): Hierarchy | undefined {
    return this.#byController.get('pids') ?? this.#hierarchies[0];
  }

  processes(path: string): readonly number[] {
    const hierarchy = this.#processHierarchy();
    return hierarchy === undefined ? [] : processesBelow(groupDirectory(hierarchy, path));
  }

  statistics(path: string): CgroupStatistics {
    return readStatisticsV1((controller) => {
      const hierarchy = this.#byController.get(controller);
      return hierarchy === undefined ? undefined : groupDirectory(hierarchy, path);
    });
  }

  oomKills(path: string): number {
    const hierarchy = this.#byController.get('memory');
    if (hierarchy === undefined) return 0;
    const text = readControl(`${groupDirectory(hierarchy, path)}/memory.oom_control`) ?? '';
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  children(path: string): readonly string[] {
    const names = new Set<string>();
    for (const directory of this.directories(path)) for (const name of subdirectories(directory)) names.add(name);
    return [...names];
  }

  async remove(path: string): Promise<void> {
    const left = this.directories(path).filter((directory) => !tryRemoveTree(directory));
    const failures: unknown[] = [];
    for (const directory of left) await removeTree(directory).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  view(path: string): CgroupView {
    const binds: { name: string; source: string }[] = [];
    const links: { name: string; target: string }[] = [];
    for (const hierarchy of this.#hierarchies) {
      const name = hierarchy.controllers.join(',');
      binds.push({ name, source: groupDirectory(hierarchy, path) });
      if (hierarchy.controllers.length > 1) {
        for (const controller of hierarchy.controllers) links.push({ name: controller, target: name });
      }
    }
    return { binds, links };
  }

  explain(path: string): readonly CgroupExplanation[] {
    return this.#hierarchies.map((hierarchy) => {
      const directory = groupDirectory(hierarchy, path);
      const names = hierarchy.controllers.flatMap((controller) => explainedFilesV1[controller] ?? []);
      return { controller: hierarchy.controllers.join(','), path: directory, values: readAll(directory, names) };
    });
  }
}

function makeFreshDirectory(directory: string): void {
  try {
    makeDirectory(directory);
  } catch (error) {
    if (!hasErrno(error, 'EEXIST')) throw error;
    // Left by a crash: its old limits must not apply to a new container.
    if (!tryRemoveTree(directory)) throw new KernelError({ call: 'mkdir', errno: errno.EBUSY, subject: directory });
    makeDirectory(directory);
  }
}

/**
 * A new cpuset group has no cpu and no memory node, and no process can join it. Copies the parent's, and asks the
 * kernel (clone_children) to do the same for every group made below.
 */
function initialiseCpuset(directory: string): void {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const file = `${directory}/${name}`;
    if (readControl(file) !== '') continue;
    const inherited = readControl(`${dirname(directory)}/${name}`) ?? '';
    if (inherited !== '') writeControl(file, inherited);
  }
  writeControl(`${directory}/cgroup.clone_children`, '1');
}

function deviceLine(rule: DeviceRule): string {
  const type = rule.type ?? 'a';
  if (type === 'a') return 'a';
  const number = (value: number | undefined): string => (value === undefined || value < 0 ? '*' : String(value));
  return `${type} ${number(rule.major)}:${number(rule.minor)} ${rule.access ?? 'rwm'}`;
}
