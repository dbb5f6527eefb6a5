import type { VolumeSummary } from '../api/model.ts';
import { boolean, type Command, list, text } from '../command.ts';
import { labelsText } from '../container/listing.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { print } from '../format/output.ts';
import { humanSize } from '../format/units.ts';
import { parseFilters } from '../values/filters.ts';

const listing: Listing<VolumeSummary> = {
  quiet: 'Name',
  shown: ['Driver', 'Name'],
  columns: [
    { name: 'Availability', heading: 'AVAILABILITY', value: () => 'N/A' },
    { name: 'Driver', heading: 'DRIVER', value: (row) => row.Driver },
    { name: 'Group', heading: 'GROUP', value: () => 'N/A' },
    { name: 'Labels', heading: 'LABELS', value: (row) => labelsText(row.Labels) },
    { name: 'Links', heading: 'LINKS', value: (row) => String(row.UsageData?.RefCount ?? 'N/A') },
    { name: 'Mountpoint', heading: 'MOUNTPOINT', value: (row) => row.Mountpoint },
    { name: 'Name', heading: 'VOLUME NAME', value: (row) => row.Name },
    { name: 'Scope', heading: 'SCOPE', value: (row) => row.Scope },
    { name: 'Size', heading: 'SIZE', value: (row) => (row.UsageData == null ? 'N/A' : humanSize(row.UsageData.Size)) },
    { name: 'Status', heading: 'STATUS', value: () => 'N/A' },
    {
      name: 'Label',
      heading: 'LABEL',
      method: true,
      value: (row) => (name: unknown) => row.Labels?.[String(name)] ?? '',
    },
  ],
};

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [
    list('filter', 'name=value', 'Only those that match', { short: 'f' }),
    text('format', 'template', 'json, table TEMPLATE, or a Go template'),
    boolean('quiet', 'Only names', { short: 'q' }),
  ],
  async run({ client, flags }) {
    const filters = parseFilters(flags.list('filter'));
    const answer = (await client.json('GET', '/volumes', { query: { filters } })) as {
      readonly Volumes: readonly VolumeSummary[] | null;
    };
    const rows = (answer.Volumes ?? []).toSorted((left, right) =>
      left.Name.localeCompare(right.Name, 'en', { numeric: true }),
    );
    print(renderListing(listing, rows, { format: flags.text('format'), quiet: flags.boolean('quiet') }));
    return 0;
  },
};
