import { boolean, type Command, text } from '../command.ts';
import { forEach } from '../each.ts';

interface Removed {
  readonly Untagged?: string;
  readonly Deleted?: string;
}

export const command: Command = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  minimum: 1,
  maximum: undefined,
  operand: 'image',
  flags: [
    boolean('force', 'Even when stopped containers use it, or it has several names', { short: 'f' }),
    boolean('no-prune', 'Keep untagged parents'),
    text('platform', 'os/arch', 'Only this platform'),
  ],
  async run({ client, flags, operands }) {
    const query = { force: flags.boolean('force'), noprune: flags.boolean('no-prune') };
    return forEach(
      operands,
      async (name) => {
        const path = `/images/${name.split('/').map(encodeURIComponent).join('/')}`;
        const removed = (await client.json('DELETE', path, { query })) as readonly Removed[];
        const lines = removed.map((one) =>
          one.Deleted === undefined ? `Untagged: ${one.Untagged ?? ''}` : `Deleted: ${one.Deleted}`,
        );
        return lines.length === 0 ? undefined : lines.join('\n');
      },
      { inOrder: true },
    );
  },
};
