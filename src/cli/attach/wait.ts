import type { Client } from '../api/client.ts';
import { readAll } from '../api/client.ts';
import { CommandFailure } from '../failure.ts';

/** A wait that the daemon has registered: what exits from now on is seen. */
export interface PendingExit {
  readonly exited: Promise<number>;
}

interface WaitAnswer {
  readonly StatusCode: number;
  readonly Error?: { readonly Message?: string } | null;
}

/** Resolves when the daemon has taken note; the exit status follows in `exited`. */
export async function registerWait(
  client: Client,
  id: string,
  condition: 'next-exit' | 'removed' | 'not-running',
): Promise<PendingExit> {
  const answer = await client.stream('POST', `/containers/${id}/wait`, { query: { condition } });
  const exited = readAll(answer).then((body) => {
    let parsed: WaitAnswer;
    try {
      parsed = JSON.parse(body.toString()) as WaitAnswer;
    } catch {
      throw new CommandFailure('the daemon went away before the container ended', {
        hint: 'the container goes on; corten logs and corten attach reach it again',
        exitCode: 125,
      });
    }
    const message = parsed.Error?.Message ?? '';
    if (message !== '') throw new CommandFailure(`waiting for the container failed: ${message}`, { exitCode: 125 });
    return parsed.StatusCode;
  });
  // Looked at later: a failure before that is no unhandled rejection.
  exited.catch(() => undefined);
  return { exited };
}
