import { CgroupManagerV1 } from './v1.ts';
import { CgroupManagerV2 } from './v2.ts';
import { type Hierarchies, readHierarchies } from './hierarchies.ts';
import type { CgroupManager } from './types.ts';
import { CortenError, unavailable } from '../../base/index.ts';

export type {
  CgroupCapabilities,
  CgroupExplanation,
  CgroupManager,
  CgroupResources,
  CgroupStatistics,
  CgroupView,
  DeviceRule,
} from './types.ts';
export { type Hierarchies, type Hierarchy, parseHierarchies, readHierarchies } from './hierarchies.ts';
export { CgroupManagerV1 } from './v1.ts';
export { CgroupManagerV2, weightFromBlkio, weightFromShares } from './v2.ts';
export { favorDynamicChanges } from './dynamic-changes.ts';
export { attachDeviceProgram, compileDeviceProgram } from './device-program.ts';

/**
 * The manager for what is mounted. Where v1 and v2 are mounted side by side (hybrid), the controllers decide: the
 * limits are where the memory or cpu controller is.
 * @throws {CortenError} unavailable when no hierarchy is mounted
 */
export function createCgroupManager(hierarchies: Hierarchies = readHierarchies()): CgroupManager {
  const limits = hierarchies.v1.filter(({ controllers }) => !controllers[0]?.startsWith('name='));
  if (limits.length > 0) return new CgroupManagerV1(limits);
  if (hierarchies.v2 !== undefined) return new CgroupManagerV2(hierarchies.v2);
  throw noCgroups();
}

function noCgroups(): CortenError {
  return unavailable('cgroups-not-mounted', 'no control group hierarchy is mounted', {
    hint: 'mount one with: mount -t cgroup2 none /sys/fs/cgroup',
  });
}
