import type { Command } from '../command.ts';
import { print } from '../format/output.ts';

const letters = ['C', 'A', 'D'];

export const command: Command = {
  usage: 'CONTAINER',
  minimum: 1,
  maximum: 1,
  operand: 'container',
  flags: [],
  notes: 'A: added, C: changed, D: deleted.',
  async run({ client, operands }) {
    const path = `/containers/${encodeURIComponent(operands[0] ?? '')}/changes`;
    const changes = (await client.json('GET', path)) as
      | readonly { readonly Kind: number; readonly Path: string }[]
      | null;
    print((changes ?? []).map(({ Kind, Path }) => `${letters[Kind] ?? '?'} ${Path}\n`).join(''));
    return 0;
  },
};
