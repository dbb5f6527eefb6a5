import type { Command } from '../command.ts';
import { text } from '../command.ts';
import { resourceFlags } from '../container/flags.ts';
import { resources } from '../container/resources.ts';
import { forEach } from '../each.ts';
import { usageFailure } from '../failure.ts';
import { complain } from '../format/output.ts';
import { parseRestart } from '../values/host-options.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  minimum: 1,
  maximum: undefined,
  operand: 'container',
  flags: [...resourceFlags, text('restart', 'policy', 'no, on-failure[:count], always or unless-stopped')],
  async run({ client, flags, operands }) {
    const body = resources(flags);
    const restart = flags.text('restart');
    if (restart !== undefined) body['RestartPolicy'] = parseRestart(restart);
    if (Object.keys(body).length === 0)
      throw usageFailure('you must provide one or more flags when using this command');
    return forEach(operands, async (name) => {
      const path = `/containers/${encodeURIComponent(name)}/update`;
      const answer = (await client.json('POST', path, { json: body })) as {
        readonly Warnings?: readonly string[] | null;
      };
      for (const warning of answer.Warnings ?? []) complain(`WARNING: ${warning}`);
      return name;
    });
  },
};
