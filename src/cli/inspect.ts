import { ApiFailure } from './api/api-failure.ts';
import type { Client, Query } from './api/client.ts';
import { CommandFailure } from './failure.ts';
import { inspection } from './format/inspection.ts';
import { complain, print } from './format/output.ts';
import { formatFailure } from './report.ts';

export type ObjectKind = 'container' | 'image' | 'volume' | 'network';

export const objectKinds: readonly ObjectKind[] = ['container', 'image', 'network', 'volume'];

function request(client: Client, kind: ObjectKind, name: string, query: Query): Promise<unknown> {
  // A slash may be part of an image's name and is none of the path's own.
  const encoded = kind === 'image' ? name.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(name);
  const paths = {
    container: `/containers/${encoded}/json`,
    image: `/images/${encoded}/json`,
    volume: `/volumes/${encoded}`,
    network: `/networks/${encoded}`,
  };
  return client.json('GET', paths[kind], { query: kind === 'container' ? query : {} });
}

/** The first of `kinds` that has an object of that name. */
async function find(client: Client, kinds: readonly ObjectKind[], name: string, query: Query): Promise<unknown> {
  for (const kind of kinds) {
    try {
      return await request(client, kind, name, query);
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.status !== 404 || kinds.length === 1) throw error;
    }
  }
  throw new CommandFailure(`No such object: ${name}`, {
    hint: 'corten ps -a, images, volume ls and network ls list what there is',
  });
}

/** Looks all names up, prints what was found, then what was not. Resolves with the exit status. */
export async function inspect(
  client: Client,
  kinds: readonly ObjectKind[],
  names: readonly string[],
  options: { readonly format: string | undefined; readonly size?: boolean },
): Promise<number> {
  const found: unknown[] = [];
  const failures: CommandFailure[] = [];
  for (const name of names) {
    try {
      found.push(await find(client, kinds, name, { size: options.size ?? false }));
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      failures.push(error);
    }
  }
  if (found.length > 0 || options.format === undefined) print(inspection(found, options.format));
  for (const failure of failures) complain(formatFailure(failure));
  return failures.length === 0 ? 0 : 1;
}
