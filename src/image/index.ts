export { createImageStore, type ImageService, type ImageStoreOptions } from './image-store.ts';
export { applyChanges } from './changes.ts';
export type * from './types.ts';
export { tarTreeStream } from './tar-tree-stream.ts';
