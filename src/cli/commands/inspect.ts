import { boolean, type Command, text } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { inspect, objectKinds } from '../inspect.ts';

export const command: Command = {
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  minimum: 1,
  maximum: undefined,
  operand: 'container',
  flags: [
    text('format', 'template', 'json or a Go template', { short: 'f' }),
    boolean('size', "Sizes of a container's files", { short: 's' }),
    text('type', 'kind', 'container, image, network or volume'),
  ],
  async run({ client, flags, operands }) {
    const type = flags.text('type');
    const kinds = objectKinds.filter((kind) => type === undefined || kind === type);
    if (kinds.length === 0)
      throw usageFailure(`"${type ?? ''}" is not a valid value for --type`, `one of ${objectKinds.join(', ')}`);
    return inspect(client, kinds, operands, { format: flags.text('format'), size: flags.boolean('size') });
  },
};
