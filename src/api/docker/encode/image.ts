import type { HistoryEntry, Image, ImageDefaults, ImageRemoval } from '../../../image/types.ts';
import { healthcheckConfig, nameSet } from './container-config.ts';

function imageConfig(defaults: ImageDefaults): object {
  return {
    ...(defaults.user === '' ? {} : { User: defaults.user }),
    ...(defaults.exposedPorts.length === 0 ? {} : { ExposedPorts: nameSet(defaults.exposedPorts) }),
    ...(defaults.env.length === 0 ? {} : { Env: defaults.env }),
    ...(defaults.command === undefined ? {} : { Cmd: defaults.command }),
    ...(defaults.healthcheck === undefined ? {} : { Healthcheck: healthcheckConfig(defaults.healthcheck) }),
    ...(defaults.volumes.length === 0 ? {} : { Volumes: nameSet(defaults.volumes) }),
    ...(defaults.workingDirectory === '' ? {} : { WorkingDir: defaults.workingDirectory }),
    ...(defaults.entrypoint === undefined ? {} : { Entrypoint: defaults.entrypoint }),
    ...(defaults.onBuild.length === 0 ? {} : { OnBuild: defaults.onBuild }),
    ...(Object.keys(defaults.labels).length === 0 ? {} : { Labels: defaults.labels }),
    ...(defaults.stopSignal === undefined ? {} : { StopSignal: defaults.stopSignal }),
    ...(defaults.shell === undefined ? {} : { Shell: defaults.shell }),
  };
}

/** GET /images/{name}/json */
export function imageInspect(image: Image): object {
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Parent: image.parent,
    Comment: image.comment,
    Created: image.created,
    DockerVersion: '',
    Author: image.author,
    Config: imageConfig(image.defaults),
    Architecture: image.platform.architecture,
    ...(image.platform.variant === undefined ? {} : { Variant: image.platform.variant }),
    Os: image.platform.os,
    Size: image.size,
    GraphDriver: { Name: 'overlay2', Data: null },
    RootFS: { Type: 'layers', Layers: image.layers },
    Metadata: { LastTagTime: image.lastTagged ?? '0001-01-01T00:00:00Z' },
  };
}

export interface ImageSummaryCounts {
  /** -1: not asked for. */
  readonly sharedSize: number;
  /** -1: not asked for. */
  readonly containers: number;
}

/** One entry of GET /images/json. */
export function imageSummary(image: Image, counts: ImageSummaryCounts): object {
  const created = Date.parse(image.created);
  return {
    Id: image.id,
    ParentId: image.parent,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Created: Number.isNaN(created) ? 0 : Math.floor(created / 1000),
    Size: image.size,
    SharedSize: counts.sharedSize,
    Labels: image.defaults.labels,
    Containers: counts.containers,
  };
}

export function historyEntry(entry: HistoryEntry): object {
  return {
    Id: entry.id,
    Created: entry.createdSeconds,
    CreatedBy: entry.createdBy,
    Tags: entry.tags.length === 0 ? null : entry.tags,
    Size: entry.size,
    Comment: entry.comment,
  };
}

export function imageRemoval(removal: ImageRemoval): object {
  return 'untagged' in removal ? { Untagged: removal.untagged } : { Deleted: removal.deleted };
}
