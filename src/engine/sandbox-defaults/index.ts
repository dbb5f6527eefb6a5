export { defaultCapabilities } from './capabilities.ts';
export { defaultDeviceRules, defaultDevices, everyDevice } from './devices.ts';
export { defaultMounts, defaultShmSizeBytes } from './mounts.ts';
export { defaultMaskedPaths, defaultReadOnlyPaths, thermalThrottlePaths } from './paths.ts';
export { defaultSeccomp } from './seccomp.ts';
