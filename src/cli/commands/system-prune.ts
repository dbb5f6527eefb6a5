import { ApiFailure } from '../api/api-failure.ts';
import type { Client } from '../api/client.ts';
import { boolean, type Command, list } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { print } from '../format/output.ts';
import { type Pruned, prune, reclaimed } from '../prune.ts';

function question(all: boolean, volumes: boolean): string {
  const lines = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(volumes ? ['all anonymous volumes not used by at least one container'] : []),
    all ? 'all images without at least one container associated to them' : 'all dangling images',
  ];
  return `This will remove:\n${lines.map((line) => `  - ${line}`).join('\n')}\n`;
}

async function pruneNetworks(client: Client, filters: readonly string[]): Promise<Pruned> {
  try {
    return await prune(client, 'networks', filters);
  } catch (error) {
    // A daemon with only the built-in networks has none to remove, and may say so.
    if (error instanceof ApiFailure && (error.status === 404 || error.status === 501)) return { text: '', bytes: 0 };
    throw error;
  }
}

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [
    boolean('all', 'Every image that no container uses, not only those without a name', { short: 'a' }),
    boolean('volumes', 'Anonymous volumes too'),
    list('filter', 'name=value', 'Only those that match (until=…, label=…)'),
    boolean('force', 'Do not ask', { short: 'f' }),
  ],
  async run({ client, flags }) {
    const all = flags.boolean('all');
    const volumes = flags.boolean('volumes');
    if (!flags.boolean('force') && !(await confirmed(question(all, volumes)))) return 0;
    const filters = flags.list('filter');
    // Containers first: what they alone used is unused afterwards.
    const results = [await prune(client, 'containers', filters), await pruneNetworks(client, filters)];
    if (volumes)
      results.push(
        await prune(
          client,
          'volumes',
          filters.filter((one) => !one.startsWith('until=')),
        ),
      );
    results.push(await prune(client, 'images', filters, { dangling: [String(!all)] }));
    print(results.map((one) => one.text).join('') + reclaimed(results.reduce((sum, one) => sum + one.bytes, 0)));
    return 0;
  },
};
