import type { ContainerSummary } from '../api/model.ts';
import { boolean, type Command, list, text } from '../command.ts';
import { containerListing } from '../container/listing.ts';
import { renderListing } from '../format/listing.ts';
import { print } from '../format/output.ts';
import { parseFilters } from '../values/filters.ts';

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [
    boolean('all', 'Stopped ones too', { short: 'a' }),
    list('filter', 'name=value', 'Only those that match', { short: 'f' }),
    text('format', 'template', 'json, table TEMPLATE, or a Go template'),
    text('last', 'count', 'The last so many, whatever their state', { short: 'n' }),
    boolean('latest', 'The last one, whatever its state', { short: 'l' }),
    boolean('no-trunc', 'Whole ids and commands'),
    boolean('quiet', 'Only ids', { short: 'q' }),
    boolean('size', 'Sizes of their files', { short: 's' }),
  ],
  async run({ client, flags }) {
    const format = flags.text('format');
    const size = flags.boolean('size') || (format !== undefined && /\.Size\b/.test(format));
    const last = flags.boolean('latest') ? 1 : flags.integer('last');
    const rows = (await client.json('GET', '/containers/json', {
      query: {
        all: flags.boolean('all'),
        limit: last !== undefined && last > 0 ? last : undefined,
        size,
        filters: parseFilters(flags.list('filter')),
      },
    })) as readonly ContainerSummary[];
    const listing = containerListing(flags.boolean('no-trunc'));
    const shown = flags.boolean('size') ? [...listing.shown, 'Size'] : listing.shown;
    print(renderListing(listing, rows, { format, quiet: flags.boolean('quiet'), shown }));
    return 0;
  },
};
