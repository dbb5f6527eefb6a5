import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { errno } from '../errno.ts';
import { hasErrno, KernelError } from '../kernel-error.ts';
import { attachDeviceProgram } from './device-program.ts';
import {
  makeDirectory,
  makeDirectoryIfMissing,
  processesBelow,
  readAll,
  readControl,
  readKeyed,
  removeTree,
  settle,
  subdirectories,
  tryRemoveTree,
  writeControl,
} from './files.ts';
import { groupDirectory, type Hierarchy } from './hierarchies.ts';
import { killEverything } from './kill.ts';
import { explainedFilesV2, readStatisticsV2 } from './statistics-v2.ts';
import type {
  CgroupCapabilities,
  CgroupExplanation,
  CgroupManager,
  CgroupResources,
  CgroupStatistics,
  CgroupView,
} from './types.ts';

/** cgroup v2: one directory, controllers switched on from the top down, devices by a BPF program. */
export class CgroupManagerV2 implements CgroupManager {
  readonly version = 2;
  readonly controllers: readonly string[];
  readonly #hierarchy: Hierarchy;
  readonly #attachDevices: typeof attachDeviceProgram;

  /** @param attachDevices replaced where the hierarchy is not a real one */
  constructor(hierarchy: Hierarchy, attachDevices: typeof attachDeviceProgram = attachDeviceProgram) {
    this.#hierarchy = hierarchy;
    this.#attachDevices = attachDevices;
    this.controllers = words(readControl(`${hierarchy.mountPoint}/cgroup.controllers`));
  }

  #directory(path: string): string {
    return groupDirectory(this.#hierarchy, path);
  }

  capabilities(): CgroupCapabilities {
    const has = (controller: string): boolean => this.controllers.includes(controller);
    const top = this.#hierarchy.mountPoint;
    return {
      version: 2,
      controllers: this.controllers,
      memoryLimit: has('memory'),
      swapLimit: has('memory') && existsSync('/proc/swaps'),
      memoryReservation: has('memory'),
      // v2 has neither a swappiness nor an OOM switch for a group.
      memorySwappiness: false,
      oomKillDisable: false,
      cpuShares: has('cpu'),
      cpuCfs: has('cpu'),
      cpuRealtime: false,
      cpuset: has('cpuset'),
      pids: has('pids'),
      blkioWeight: has('io'),
      devices: true,
      cpus: has('cpuset') ? (readControl(`${top}/cpuset.cpus.effective`) ?? '') : '',
      mems: has('cpuset') ? (readControl(`${top}/cpuset.mems.effective`) ?? '') : '',
    };
  }

  create(path: string, resources: CgroupResources): void {
    const directory = this.#directory(path);
    this.#makeParents(dirname(directory));
    try {
      makeDirectory(directory);
    } catch (error) {
      if (!hasErrno(error, 'EEXIST')) throw error;
      // Left by a crash: its old limits and device program must not apply to a new container.
      if (!tryRemoveTree(directory)) throw new KernelError({ call: 'mkdir', errno: errno.EBUSY, subject: directory });
      makeDirectory(directory);
    }
    try {
      if (resources.devices !== undefined) this.#attachDevices(directory, resources.devices);
      this.update(path, { ...resources, devices: [] });
    } catch (error) {
      tryRemoveTree(directory);
      throw error;
    }
  }

  /** Controllers must be on in every ancestor's subtree_control before a child has their files. */
  #makeParents(directory: string): void {
    const top = this.#hierarchy.mountPoint;
    const chain: string[] = [];
    for (let current = directory; current.startsWith(top); current = dirname(current)) {
      chain.unshift(current);
      if (current === top) break;
    }
    for (const group of chain) {
      if (group !== top) makeDirectoryIfMissing(group);
      enableControllers(group);
    }
  }

  update(path: string, resources: CgroupResources): void {
    const directory = this.#directory(path);
    const write = (name: string, value: number | string | undefined): void => {
      if (value !== undefined) writeControl(`${directory}/${name}`, String(value));
    };
    const { memory, cpu, pids, blockIO, devices } = resources;
    if (devices !== undefined && devices.length > 0) this.#attachDevices(directory, devices);
    if (memory !== undefined) {
      write('memory.max', orMaximum(memory.limit));
      write('memory.low', orMaximum(memory.reservation));
      write('memory.swap.max', swapOnly(memory.limit ?? currentLimit(directory), memory.swap));
    }
    if (cpu !== undefined) {
      write('cpu.weight', cpu.shares === undefined ? undefined : weightFromShares(cpu.shares));
      write('cpu.max', bandwidth(`${directory}/cpu.max`, cpu.quota, cpu.period));
      write('cpuset.cpus', cpu.cpus);
      write('cpuset.mems', cpu.mems);
    }
    if (pids !== undefined) write('pids.max', pids.limit > 0 ? pids.limit : 'max');
    if (blockIO?.weight !== undefined) {
      if (existsSync(`${directory}/io.bfq.weight`)) write('io.bfq.weight', blockIO.weight);
      else write('io.weight', `default ${weightFromBlkio(blockIO.weight)}`);
    }
  }

  directories(path: string): readonly string[] {
    return [this.#directory(path)];
  }

  exists(path: string): boolean {
    return existsSync(this.#directory(path));
  }

  async freeze(path: string): Promise<void> {
    const directory = this.#directory(path);
    writeControl(`${directory}/cgroup.freeze`, '1');
    await settle(`freeze ${directory}`, () => readKeyed(`${directory}/cgroup.events`)['frozen'] === 1);
  }

  async thaw(path: string): Promise<void> {
    writeControl(`${this.#directory(path)}/cgroup.freeze`, '0');
  }

  async killAll(path: string): Promise<void> {
    const directory = this.#directory(path);
    try {
      // Linux 5.14: atomic, takes frozen processes and those that fork along.
      writeControl(`${directory}/cgroup.kill`, '1');
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      if (!existsSync(directory)) return;
      await killEverything(directory);
      writeControl(`${directory}/cgroup.freeze`, '0');
    }
  }

  processes(path: string): readonly number[] {
    return processesBelow(this.#directory(path));
  }

  statistics(path: string): CgroupStatistics {
    return readStatisticsV2(this.#directory(path));
  }

  oomKills(path: string): number {
    return readKeyed(`${this.#directory(path)}/memory.events`)['oom_kill'] ?? 0;
  }

  children(path: string): readonly string[] {
    return subdirectories(this.#directory(path));
  }

  async remove(path: string): Promise<void> {
    await removeTree(this.#directory(path));
  }

  view(path: string): CgroupView {
    return { binds: [{ name: '', source: this.#directory(path) }], links: [] };
  }

  explain(path: string): readonly CgroupExplanation[] {
    const directory = this.#directory(path);
    return [
      {
        controller: words(readControl(`${directory}/cgroup.controllers`)).join(','),
        path: directory,
        values: readAll(directory, explainedFilesV2),
      },
    ];
  }
}

const words = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter((word) => word !== '');

function enableControllers(directory: string): void {
  const enabled = new Set(words(readControl(`${directory}/cgroup.subtree_control`)));
  const missing = words(readControl(`${directory}/cgroup.controllers`)).filter((name) => !enabled.has(name));
  // One at a time: a controller that cannot be had (EBUSY from processes in an inner group) must not cost the others.
  // A limit that needs it then fails at its own file.
  for (const name of missing) {
    try {
      writeControl(`${directory}/cgroup.subtree_control`, `+${name}`);
    } catch (error) {
      if (!hasErrno(error, 'EBUSY', 'ENOENT', 'EINVAL', 'EOPNOTSUPP')) throw error;
    }
  }
}

function orMaximum(value: number | undefined): number | 'max' | undefined {
  if (value === undefined) return undefined;
  return value < 0 ? 'max' : value;
}

function currentLimit(directory: string): number | undefined {
  const text = readControl(`${directory}/memory.max`);
  return text === undefined || text === 'max' ? undefined : Number(text);
}

/** v1 and OCI count memory and swap together, v2 counts swap alone. */
function swapOnly(limit: number | undefined, swap: number | undefined): number | 'max' | undefined {
  if (swap === undefined) return undefined;
  if (swap < 0 || limit === undefined || limit < 0) return 'max';
  return Math.max(0, swap - limit);
}

/** The conversion that all runtimes agreed on: 2…262144 shares onto weights 1…10000. */
export function weightFromShares(shares: number): number {
  const clamped = Math.min(Math.max(shares, 2), 262_144);
  return 1 + Math.floor(((clamped - 2) * 9999) / 262_142);
}

/** 10…1000 onto 1…10000. */
export function weightFromBlkio(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

function bandwidth(file: string, quota: number | undefined, period: number | undefined): string | undefined {
  if (quota === undefined && period === undefined) return undefined;
  const [oldQuota = 'max', oldPeriod = '100000'] = words(readControl(file));
  const newQuota = quota === undefined ? oldQuota : quota > 0 ? String(quota) : 'max';
  return `${newQuota} ${period ?? oldPeriod}`;
}
