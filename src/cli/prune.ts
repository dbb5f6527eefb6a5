import type { Client } from './api/client.ts';
import { humanSize } from './format/units.ts';
import { parseFilters } from './values/filters.ts';

export interface Pruned {
  readonly text: string;
  readonly bytes: number;
}

interface PruneAnswer {
  readonly ContainersDeleted?: readonly string[] | null;
  readonly VolumesDeleted?: readonly string[] | null;
  readonly NetworksDeleted?: readonly string[] | null;
  readonly ImagesDeleted?: readonly { readonly Untagged?: string; readonly Deleted?: string }[] | null;
  readonly SpaceReclaimed?: number;
}

export type PruneKind = 'containers' | 'images' | 'volumes' | 'networks';

function listed(kind: PruneKind, answer: PruneAnswer): { readonly title: string; readonly lines: readonly string[] } {
  switch (kind) {
    case 'containers':
      return { title: 'Deleted Containers:', lines: answer.ContainersDeleted ?? [] };
    case 'volumes':
      return { title: 'Deleted Volumes:', lines: answer.VolumesDeleted ?? [] };
    case 'networks':
      return { title: 'Deleted Networks:', lines: answer.NetworksDeleted ?? [] };
    case 'images':
      return {
        title: 'Deleted Images:',
        lines: (answer.ImagesDeleted ?? []).map((one) =>
          one.Deleted === undefined ? `untagged: ${one.Untagged ?? ''}` : `deleted: ${one.Deleted}`,
        ),
      };
  }
}

/** Has the daemon remove what is unused of one kind; the text lists what went. */
export async function prune(
  client: Client,
  kind: PruneKind,
  given: readonly string[],
  more: Readonly<Record<string, readonly string[]>> = {},
): Promise<Pruned> {
  const filters = parseFilters(given, more);
  const answer = (await client.json('POST', `/${kind}/prune`, { query: { filters } })) as PruneAnswer;
  const { title, lines } = listed(kind, answer);
  return {
    text: lines.length === 0 ? '' : `${title}\n${lines.join('\n')}\n\n`,
    bytes: answer.SpaceReclaimed ?? 0,
  };
}

export const reclaimed = (bytes: number): string => `Total reclaimed space: ${humanSize(bytes)}\n`;
