import { type Command, list, text } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { printLine } from '../format/output.ts';
import { parseLabels, parsePairs } from '../values/environment.ts';

export const command: Command = {
  usage: '[OPTIONS] [VOLUME]',
  minimum: 0,
  maximum: 1,
  operand: 'none',
  flags: [
    text('driver', 'name', 'Volume driver (local)', { short: 'd' }),
    list('label', 'name=value', 'Attach a label'),
    text('name', 'name', 'Name of the volume', { hidden: true }),
    list('opt', 'name=value', 'Option of the driver', { short: 'o' }),
  ],
  async run({ client, flags, operands }) {
    const named = flags.text('name');
    if (named !== undefined && operands.length > 0) {
      throw usageFailure(
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
      );
    }
    const created = (await client.json('POST', '/volumes/create', {
      json: {
        Name: operands[0] ?? named ?? '',
        Driver: flags.text('driver') ?? 'local',
        DriverOpts: parsePairs(flags.list('opt'), 'opt'),
        Labels: parseLabels(flags.list('label')),
      },
    })) as { readonly Name: string };
    printLine(created.Name);
    return 0;
  },
};
