export {
  attachDeviceProgram,
  type CgroupCapabilities,
  type CgroupExplanation,
  type CgroupManager,
  CgroupManagerV1,
  CgroupManagerV2,
  type CgroupResources,
  type CgroupStatistics,
  type CgroupView,
  compileDeviceProgram,
  createCgroupManager,
  type DeviceRule,
  favorDynamicChanges,
  type Hierarchies,
  type Hierarchy,
  parseHierarchies,
  readHierarchies,
} from './cgroup/index.ts';
export {
  capabilitiesOfMask,
  capabilityMask,
  capabilityNames,
  capabilityNumber,
  heldCapabilities,
} from './capabilities.ts';
export { type HostDevice, hostDevices, thermalThrottleDirectories } from './devices.ts';
export { errno, errnoName } from './errno.ts';
export { hasErrno, KernelError, type KernelErrorDetails } from './kernel-error.ts';
export {
  type DeviceNode,
  deviceNode,
  hostCpuTime,
  hostMemoryBytes,
  isSameProcess,
  isSymbolicLink,
  type MountEntry,
  mountTable,
  namespaceFiles,
  namespaceInodes,
  openProcess,
  ownOomScoreAdjust,
  parseMountTable,
  type ProcessStatus,
  processStartTime,
  processStatus,
  readSysctl,
} from './proc.ts';
export { hostMountOf, mountSharedMemory, unmountSharedMemory } from './shared-memory.ts';
export { compileSeccomp, kernelAtLeast, type SeccompProfile, type SeccompRule } from './seccomp.ts';
export * from './files.ts';
export { type DirectoryEntry, removeTreeAt, Root } from './rooted.ts';
export { type ProcessEntry, processEntries } from './process-table.ts';
export { openProcessRoot, resolvedPath, typeWithoutLinks } from './process-root.ts';
export { createPipe } from './pipe.ts';
export { duplicateAbove, reapIfEnded, sealedFile, socketPair } from './process.ts';
export { spawnFromDescriptor } from './spawn.ts';
