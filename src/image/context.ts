import type { Log } from '../base/index.ts';
import type { Catalog } from './catalog.ts';
import type { ContentStore } from './content-store.ts';
import type { ImageIndex } from './images.ts';
import type { LayerStore } from './layers.ts';
import type { Pins } from './pins.ts';
import type { ImageChange } from './types.ts';
import type { DiskWorkers } from './workers.ts';

/** The parts that the operations on images share. */
export interface ImageContext {
  readonly catalog: Catalog;
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly index: ImageIndex;
  readonly workers: DiskWorkers;
  readonly pins: Pins;
  readonly log: Log;
  readonly notify: (change: ImageChange) => void;
}
