import type { Client } from '../api/client.ts';
import { splitReference } from './reference.ts';
import { showProgress } from './progress.ts';

/** Asks the daemon to pull an image, showing progress on stderr. */
export async function pull(
  client: Client,
  image: string,
  options: { readonly quiet: boolean; readonly platform: string | undefined },
): Promise<void> {
  const { repository, tag } = splitReference(image);
  const answer = await client.stream('POST', '/images/create', {
    query: { fromImage: repository, tag: tag ?? 'latest', platform: options.platform },
  });
  await showProgress(answer, { quiet: options.quiet, descriptor: 2 });
}
