import type { ImageStore } from '../image/types.ts';
import type { VolumeStore } from '../volume/types.ts';
import type { Container, ContainerEngine, DiskUsage } from './types.ts';

export interface DiskUsageDependencies {
  readonly containers: Pick<ContainerEngine, 'list' | 'size'>;
  readonly images: Pick<ImageStore, 'list' | 'diskUsage'>;
  readonly volumes: Pick<VolumeStore, 'list' | 'usage'>;
}

/** What images, containers and volumes take on the disk, and what refers to them. The walks happen off the event loop. */
export async function diskUsage({ containers, images, volumes }: DiskUsageDependencies): Promise<DiskUsage> {
  const all = containers.list();
  const [layers, sizes, volumeSizes] = await Promise.all([
    images.diskUsage(),
    Promise.all(
      all.map(async (container) => await unlessGone({ writable: 0, root: 0 }, containers.size(container.id))),
    ),
    Promise.all(volumes.list().map(async ({ name }) => ({ name, size: await unlessGone(0, volumes.usage(name)) }))),
  ]);
  return {
    layersSize: layers.layersSize,
    images: images.list().map((image) => ({
      image,
      sharedSize: layers.images.get(image.id)?.sharedSize ?? 0,
      containers: all.filter(({ imageId }) => imageId === image.id).length,
    })),
    containers: all.map((container, index) => ({ container, size: sizes[index] ?? { writable: 0, root: 0 } })),
    volumes: volumeSizes.map(({ name, size }) => ({ name, size, references: volumeReferences(all, name) })),
  };
}

function volumeReferences(containers: readonly Container[], volume: string): number {
  return containers.filter(({ mounts }) => mounts.some(({ type, name }) => type === 'volume' && name === volume))
    .length;
}

/** Containers and volumes may be removed while the others are measured: they then count as nothing. */
async function unlessGone<T>(nothing: T, measurement: Promise<T>): Promise<T> {
  return await measurement.catch(() => nothing);
}
