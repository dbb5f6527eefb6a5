import type { Command } from '../command.ts';
import { print } from '../format/output.ts';
import { table } from '../format/table.ts';

interface TopAnswer {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[] | null;
}

export const command: Command = {
  usage: 'CONTAINER [ps OPTIONS]',
  minimum: 1,
  maximum: undefined,
  operand: 'running-container',
  flagsFirst: true,
  flags: [],
  async run({ client, operands }) {
    const [name = '', ...psArguments] = operands;
    const query = { ps_args: psArguments.length === 0 ? undefined : psArguments.join(' ') };
    const answer = (await client.json('GET', `/containers/${encodeURIComponent(name)}/top`, { query })) as TopAnswer;
    print(table([answer.Titles, ...(answer.Processes ?? [])], 20));
    return 0;
  },
};
