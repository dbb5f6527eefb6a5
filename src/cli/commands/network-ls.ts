import type { NetworkSummary } from '../api/model.ts';
import { boolean, type Command, list, text } from '../command.ts';
import { labelsText } from '../container/listing.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { print } from '../format/output.ts';
import { goTime, shortId } from '../format/units.ts';
import { parseFilters } from '../values/filters.ts';

const listing = (whole: boolean): Listing<NetworkSummary> => ({
  quiet: 'ID',
  shown: ['ID', 'Name', 'Driver', 'Scope'],
  columns: [
    { name: 'CreatedAt', heading: 'CREATED AT', value: (row) => goTime(Date.parse(row.Created)) },
    { name: 'Driver', heading: 'DRIVER', value: (row) => row.Driver },
    { name: 'ID', heading: 'NETWORK ID', value: (row) => (whole ? row.Id : shortId(row.Id)) },
    { name: 'IPv4', heading: 'IPV4', value: (row) => String(row.EnableIPv4 ?? true) },
    { name: 'IPv6', heading: 'IPV6', value: (row) => String(row.EnableIPv6) },
    { name: 'Internal', heading: 'INTERNAL', value: (row) => String(row.Internal) },
    { name: 'Labels', heading: 'LABELS', value: (row) => labelsText(row.Labels) },
    { name: 'Name', heading: 'NAME', value: (row) => row.Name },
    { name: 'Scope', heading: 'SCOPE', value: (row) => row.Scope },
    {
      name: 'Label',
      heading: 'LABEL',
      method: true,
      value: (row) => (name: unknown) => row.Labels?.[String(name)] ?? '',
    },
  ],
});

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [
    list('filter', 'name=value', 'Only those that match', { short: 'f' }),
    text('format', 'template', 'json, table TEMPLATE, or a Go template'),
    boolean('no-trunc', 'Whole ids'),
    boolean('quiet', 'Only ids', { short: 'q' }),
  ],
  async run({ client, flags }) {
    const filters = parseFilters(flags.list('filter'));
    const answer = (await client.json('GET', '/networks', { query: { filters } })) as readonly NetworkSummary[];
    const rows = answer.toSorted((left, right) => left.Name.localeCompare(right.Name, 'en', { numeric: true }));
    const how = listing(flags.boolean('no-trunc'));
    print(renderListing(how, rows, { format: flags.text('format'), quiet: flags.boolean('quiet') }));
    return 0;
  },
};
