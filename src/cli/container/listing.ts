import type { ContainerSummary } from '../api/model.ts';
import type { Listing } from '../format/listing.ts';
import { ago, ellipsis, goTime, humanSize, shortId } from '../format/units.ts';
import { goQuote } from '../template/go-value.ts';
import { portsText } from './ports-text.ts';

/** "a=1,b=2", in the order of the names. */
export function labelsText(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .toSorted()
    .join(',');
}

function mountNames(row: ContainerSummary, whole: boolean): string {
  return (row.Mounts ?? [])
    .map((mount) => (mount.Name !== undefined && mount.Name !== '' ? mount.Name : (mount.Source ?? '')))
    .map((name) => (whole ? name : ellipsis(name, 15)))
    .join(',');
}

function sizeText(row: ContainerSummary): string {
  const writable = humanSize(row.SizeRw ?? 0, 3);
  const root = row.SizeRootFs ?? 0;
  return root > 0 ? `${writable} (virtual ${humanSize(root, 3)})` : writable;
}

/** Links to others show as "web/db"; the container's own name has no second slash. */
function names(row: ContainerSummary, whole: boolean): string {
  const all = row.Names.map((name) => name.replace(/^\//, ''));
  return (whole ? all : all.filter((name) => !name.includes('/'))).join(',');
}

export function containerListing(whole: boolean): Listing<ContainerSummary> {
  return {
    quiet: 'ID',
    shown: ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names'],
    columns: [
      { name: 'Command', heading: 'COMMAND', value: (row) => goQuote(whole ? row.Command : ellipsis(row.Command, 20)) },
      { name: 'CreatedAt', heading: 'CREATED AT', value: (row) => goTime(row.Created * 1000) },
      { name: 'ID', heading: 'CONTAINER ID', value: (row) => (whole ? row.Id : shortId(row.Id)) },
      {
        name: 'Image',
        heading: 'IMAGE',
        value: (row) => {
          if (row.Image === '') return '<no image>';
          const isId = row.Image === row.ImageID || /^sha256:[0-9a-f]{64}$/.test(row.Image);
          return isId && !whole ? shortId(row.Image) : row.Image.replace(whole ? /$^/ : /@sha256:[0-9a-f]+$/, '');
        },
      },
      { name: 'Labels', heading: 'LABELS', value: (row) => labelsText(row.Labels) },
      {
        name: 'LocalVolumes',
        heading: 'LOCAL VOLUMES',
        value: (row) => String((row.Mounts ?? []).filter((mount) => mount.Type === 'volume').length),
      },
      { name: 'Mounts', heading: 'MOUNTS', value: (row) => mountNames(row, whole) },
      { name: 'Names', heading: 'NAMES', value: (row) => names(row, whole) },
      {
        name: 'Networks',
        heading: 'NETWORKS',
        value: (row) =>
          Object.keys(row.NetworkSettings?.Networks ?? {})
            .toSorted()
            .join(','),
      },
      { name: 'Platform', heading: 'PLATFORM', value: () => null },
      { name: 'Ports', heading: 'PORTS', value: (row) => portsText(row.Ports ?? []) },
      { name: 'RunningFor', heading: 'CREATED', value: (row) => ago(row.Created * 1000) },
      { name: 'Size', heading: 'SIZE', value: sizeText },
      { name: 'State', heading: 'STATE', value: (row) => row.State },
      { name: 'Status', heading: 'STATUS', value: (row) => row.Status },
      {
        name: 'Label',
        heading: 'LABEL',
        method: true,
        value: (row) => (name: unknown) => row.Labels?.[String(name)] ?? '',
      },
    ],
  };
}
