import type { ContainerSummary, ImageSummary, VolumeSummary } from '../api/model.ts';
import { boolean, type Command, text } from '../command.ts';
import { containerListing } from '../container/listing.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { print } from '../format/output.ts';
import { ago, humanSize, shortId } from '../format/units.ts';
import { imageRows } from '../image/listing.ts';
import { table } from '../format/table.ts';

interface DiskUsage {
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[] | null;
  readonly Containers: readonly ContainerSummary[] | null;
  readonly Volumes: readonly VolumeSummary[] | null;
  readonly BuildCache?: readonly { readonly Size: number; readonly InUse: boolean; readonly Shared: boolean }[] | null;
}

interface UsageRow {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly size: number;
  readonly reclaimable: number;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function rowsOf(usage: DiskUsage): UsageRow[] {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = usage.Volumes ?? [];
  const cache = usage.BuildCache ?? [];
  const usedImages = images.filter((image) => image.Containers > 0);
  const imagesUsed = sum(usedImages.map((image) => image.Size - (image.SharedSize === -1 ? 0 : image.SharedSize)));
  const active = containers.filter((one) => ['running', 'paused', 'restarting'].includes(one.State));
  const containerSize = (some: readonly ContainerSummary[]): number => sum(some.map((one) => one.SizeRw ?? 0));
  const volumeSize = (some: readonly VolumeSummary[]): number =>
    sum(some.map((one) => Math.max(0, one.UsageData?.Size ?? 0)));
  const usedVolumes = volumes.filter((volume) => (volume.UsageData?.RefCount ?? 0) > 0);
  const cacheSize = sum(cache.filter((one) => !one.Shared).map((one) => one.Size));
  const cacheUsed = cache.filter((one) => one.InUse);
  return [
    {
      type: 'Images',
      total: images.length,
      active: usedImages.length,
      size: usage.LayersSize,
      reclaimable: usage.LayersSize - imagesUsed,
    },
    {
      type: 'Containers',
      total: containers.length,
      active: active.length,
      size: containerSize(containers),
      reclaimable: containerSize(containers) - containerSize(active),
    },
    {
      type: 'Local Volumes',
      total: volumes.length,
      active: usedVolumes.length,
      size: volumeSize(volumes),
      reclaimable: volumeSize(volumes) - volumeSize(usedVolumes),
    },
    {
      type: 'Build Cache',
      total: cache.length,
      active: cacheUsed.length,
      size: cacheSize,
      reclaimable: cacheSize - sum(cacheUsed.filter((one) => !one.Shared).map((one) => one.Size)),
    },
  ];
}

function reclaimableText(row: UsageRow): string {
  const amount = humanSize(Math.max(0, row.reclaimable));
  if (row.type === 'Build Cache' || row.size <= 0) return amount;
  return `${amount} (${Math.trunc((Math.max(0, row.reclaimable) * 100) / row.size)}%)`;
}

const listing: Listing<UsageRow> = {
  shown: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'],
  columns: [
    { name: 'Active', heading: 'ACTIVE', value: (row) => String(row.active) },
    { name: 'Reclaimable', heading: 'RECLAIMABLE', value: reclaimableText },
    { name: 'Size', heading: 'SIZE', value: (row) => humanSize(row.size) },
    { name: 'TotalCount', heading: 'TOTAL', value: (row) => String(row.total) },
    { name: 'Type', heading: 'TYPE', value: (row) => row.type },
  ],
};

function details(usage: DiskUsage): string {
  const images = (usage.Images ?? []).flatMap((image) =>
    imageRows(image, false).map((row) => {
      const shared = Math.max(0, image.SharedSize);
      const sizes = [image.Size, shared, image.Size - shared].map((size) => humanSize(size));
      return [
        row.repository,
        row.tag,
        shortId(image.Id),
        ago(image.Created * 1000),
        ...sizes,
        String(image.Containers),
      ];
    }),
  );
  const containers = renderListing(containerListing(false), usage.Containers ?? [], {
    format:
      'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}',
  });
  const volumes = (usage.Volumes ?? []).map((volume) => {
    const used = volume.UsageData;
    return [volume.Name, String(used?.RefCount ?? 'N/A'), used == null ? 'N/A' : humanSize(used.Size)];
  });
  const imageHead = ['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE', 'SHARED SIZE', 'UNIQUE SIZE', 'CONTAINERS'];
  return [
    `Images space usage:\n\n${table([imageHead, ...images])}`,
    `\nContainers space usage:\n\n${containers}`,
    `\nLocal Volumes space usage:\n\n${table([['VOLUME NAME', 'LINKS', 'SIZE'], ...volumes])}`,
  ].join('');
}

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [
    text('format', 'template', 'json, table TEMPLATE, or a Go template'),
    boolean('verbose', 'Every image, container and volume', { short: 'v' }),
  ],
  async run({ client, flags }) {
    const usage = (await client.json('GET', '/system/df')) as DiskUsage;
    const format = flags.text('format');
    if (flags.boolean('verbose') && format === undefined) print(details(usage));
    else print(renderListing(listing, rowsOf(usage), { format }));
    return 0;
  },
};
