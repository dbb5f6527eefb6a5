import type { Client } from '../api/client.ts';
import { readAll } from '../api/client.ts';
import type { ContainerSummary } from '../api/model.ts';
import { boolean, type Command, text } from '../command.ts';
import { StatisticsBoard } from '../container/statistics-board.ts';
import { statisticsListing, type StatisticsRow } from '../container/statistics.ts';
import { renderListing } from '../format/listing.ts';
import { print } from '../format/output.ts';

async function names(client: Client, all: boolean): Promise<string[]> {
  const rows = (await client.json('GET', '/containers/json', { query: { all } })) as readonly ContainerSummary[];
  return rows.map((row) => row.Id);
}

/** One sample of each, in the order given. */
async function once(client: Client, containers: readonly string[]): Promise<StatisticsRow[]> {
  return Promise.all(
    containers.map(async (name) => {
      const path = `/containers/${encodeURIComponent(name)}/stats`;
      const body = await readAll(await client.stream('GET', path, { query: { stream: '0' } }));
      return { container: name, sample: JSON.parse(body.toString()) as StatisticsRow['sample'] };
    }),
  );
}

export const command: Command = {
  usage: '[OPTIONS] [CONTAINER...]',
  minimum: 0,
  maximum: undefined,
  operand: 'running-container',
  flags: [
    boolean('all', 'Stopped ones too', { short: 'a' }),
    text('format', 'template', 'json, table TEMPLATE, or a Go template'),
    boolean('no-stream', 'One sample only'),
    boolean('no-trunc', 'Whole ids'),
  ],
  async run({ client, flags, operands }) {
    const format = flags.text('format');
    const listing = statisticsListing(flags.boolean('no-trunc'));
    const chosen = operands.length > 0 ? operands : await names(client, flags.boolean('all'));
    if (flags.boolean('no-stream')) {
      print(renderListing(listing, await once(client, chosen), { format }));
      return 0;
    }
    const board = new StatisticsBoard(client, (rows) => renderListing(listing, rows, { format }));
    return board.run(chosen, operands.length === 0);
  },
};
