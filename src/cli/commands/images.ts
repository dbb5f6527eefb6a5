import type { ImageSummary } from '../api/model.ts';
import { boolean, type Command, list, text } from '../command.ts';
import { renderListing } from '../format/listing.ts';
import { print } from '../format/output.ts';
import { imageListing, imageRows } from '../image/listing.ts';
import { parseFilters } from '../values/filters.ts';

export const command: Command = {
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  minimum: 0,
  maximum: 1,
  operand: 'image',
  flags: [
    boolean('all', 'Intermediate images too', { short: 'a' }),
    boolean('digests', 'Show digests'),
    list('filter', 'name=value', 'Only those that match', { short: 'f' }),
    text('format', 'template', 'json, table TEMPLATE, or a Go template'),
    boolean('no-trunc', 'Whole ids'),
    boolean('quiet', 'Only ids', { short: 'q' }),
  ],
  async run({ client, flags, operands }) {
    const [reference] = operands;
    const filters = parseFilters(flags.list('filter'), reference === undefined ? {} : { reference: [reference] });
    const answer = (await client.json('GET', '/images/json', {
      query: { all: flags.boolean('all'), filters },
    })) as readonly ImageSummary[];
    const digests = flags.boolean('digests');
    const images = answer.toSorted((left, right) => right.Created - left.Created);
    const rows = images.flatMap((image) => imageRows(image, digests));
    const listing = imageListing(flags.boolean('no-trunc'));
    const shown = digests ? ['Repository', 'Tag', 'Digest', 'ID', 'CreatedSince', 'Size'] : listing.shown;
    print(renderListing(listing, rows, { format: flags.text('format'), quiet: flags.boolean('quiet'), shown }));
    return 0;
  },
};
