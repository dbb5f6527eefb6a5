export { LocalVolumeStore, type LocalVolumeStoreOptions, type VolumeChange } from './store.ts';
export type { Volume, VolumeStore } from './types.ts';
