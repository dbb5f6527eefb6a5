import { boolean, type Command, text } from '../command.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { print } from '../format/output.ts';
import { ago, ellipsis, humanSize, shortId } from '../format/units.ts';

interface HistoryRow {
  readonly Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Size: number;
  readonly Comment: string;
  readonly Tags: readonly string[] | null;
}

function listing(whole: boolean, human: boolean): Listing<HistoryRow> {
  const createdBy = (row: HistoryRow): string => {
    const text = row.CreatedBy.replace(/\t/g, ' ');
    return whole ? text : ellipsis(text, 45);
  };
  return {
    quiet: 'ID',
    shown: ['ID', 'CreatedSince', 'CreatedBy', 'Size', 'Comment'],
    columns: [
      { name: 'Comment', heading: 'COMMENT', value: (row) => row.Comment },
      {
        name: 'CreatedAt',
        heading: 'CREATED AT',
        value: (row) => new Date(row.Created * 1000).toISOString().replace('.000Z', 'Z'),
      },
      { name: 'CreatedBy', heading: 'CREATED BY', value: createdBy },
      {
        name: 'CreatedSince',
        heading: human ? 'CREATED' : 'CREATED AT',
        value: (row) =>
          human ? ago(row.Created * 1000) : new Date(row.Created * 1000).toISOString().replace('.000Z', 'Z'),
      },
      { name: 'ID', heading: 'IMAGE', value: (row) => (whole || row.Id === '<missing>' ? row.Id : shortId(row.Id)) },
      { name: 'Size', heading: 'SIZE', value: (row) => (human ? humanSize(row.Size, 3) : String(row.Size)) },
    ],
  };
}

export const command: Command = {
  usage: '[OPTIONS] IMAGE',
  minimum: 1,
  maximum: 1,
  operand: 'image',
  flags: [
    text('format', 'template', 'json, table TEMPLATE, or a Go template'),
    boolean('human', 'Sizes and dates for people', { short: 'H', on: true }),
    boolean('no-trunc', 'Whole lines'),
    boolean('quiet', 'Only ids', { short: 'q' }),
  ],
  async run({ client, flags, operands }) {
    const path = `/images/${(operands[0] ?? '').split('/').map(encodeURIComponent).join('/')}/history`;
    const rows = (await client.json('GET', path)) as readonly HistoryRow[];
    const how = listing(flags.boolean('no-trunc'), flags.boolean('human', true));
    print(renderListing(how, rows, { format: flags.text('format'), quiet: flags.boolean('quiet') }));
    return 0;
  },
};
