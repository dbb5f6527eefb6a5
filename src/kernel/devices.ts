import { type Dirent, existsSync, readdirSync } from 'node:fs';
import { hasErrno } from './kernel-error.ts';
import { type DeviceNode, deviceNode } from './proc.ts';

export interface HostDevice extends DeviceNode {
  readonly path: string;
}

/** Below /dev, but not devices of the host: other file systems, and what every container gets made for itself. */
const skippedNames = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console', 'ptmx']);

/**
 * The device nodes at a host path: itself, or those of a directory and below. Symbolic links inside the directory are
 * passed over. Throws ENOENT when the path does not exist; empty when it holds no device.
 */
export function hostDevices(path: string): readonly HostDevice[] {
  const node = deviceNode(path);
  if (node !== undefined) return [{ ...node, path }];
  return devicesBelow(path);
}

function devicesBelow(directory: string): HostDevice[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (hasErrno(error, 'ENOTDIR', 'ENOENT')) return [];
    throw error;
  }
  return entries.flatMap((entry) => {
    if (skippedNames.has(entry.name)) return [];
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) return devicesBelow(path);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    try {
      const node = deviceNode(path);
      return node === undefined ? [] : [{ ...node, path }];
    } catch (error) {
      // Unplugged meanwhile.
      if (hasErrno(error, 'ENOENT')) return [];
      throw error;
    }
  });
}

/** The directories of sysfs that count thermal throttling, one a CPU. */
export function thermalThrottleDirectories(): readonly string[] {
  const base = '/sys/devices/system/cpu';
  try {
    return readdirSync(base)
      .filter((name) => /^cpu\d+$/.test(name))
      .map((name) => `${base}/${name}/thermal_throttle`)
      .filter((path) => existsSync(path));
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
