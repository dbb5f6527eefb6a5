import type { Volume } from '../../../volume/types.ts';

export interface VolumeUsage {
  readonly size: number;
  readonly references: number;
}

/** A volume as list, inspect and create show it. UsageData only where it was computed. */
export function volumeResource(volume: Volume, usage?: VolumeUsage): object {
  return {
    CreatedAt: volume.created,
    Driver: volume.driver,
    Labels: Object.keys(volume.labels).length === 0 ? null : volume.labels,
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: Object.keys(volume.options).length === 0 ? null : volume.options,
    Scope: 'local',
    ...(usage === undefined ? {} : { UsageData: { Size: usage.size, RefCount: usage.references } }),
  };
}
