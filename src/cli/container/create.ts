import { existsSync, writeFileSync } from 'node:fs';
import { ApiFailure } from '../api/api-failure.ts';
import type { Client } from '../api/client.ts';
import { CommandFailure, usageFailure } from '../failure.ts';
import type { FlagValues } from '../flag-values.ts';
import { complain } from '../format/output.ts';
import { pull } from '../image/pull.ts';
import type { CreateRequest } from './create-request.ts';

interface Created {
  readonly Id: string;
  readonly Warnings?: readonly string[] | null;
}

const isMissingImage = (error: unknown): boolean =>
  error instanceof ApiFailure && error.status === 404 && /no such image/i.test(error.message);

async function pullOrExplain(
  client: Client,
  image: string,
  quiet: boolean,
  platform: string | undefined,
): Promise<void> {
  try {
    await pull(client, image, { quiet, platform });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`no image ${image} here, and it cannot be pulled: ${reason}`, {
      hint: `make one with corten image bootstrap ${image}, or bring one with corten load`,
      exitCode: 125,
    });
  }
}

/** Creates the container; pulls its image when it is missing, as --pull says. Resolves with the id. */
export async function createContainer(client: Client, flags: FlagValues, request: CreateRequest): Promise<string> {
  const when = flags.text('pull') ?? 'missing';
  if (!['always', 'missing', 'never'].includes(when)) {
    throw usageFailure(`invalid pull option: '${when}'`, 'one of always, missing, never');
  }
  const cidFile = flags.text('cidfile');
  if (cidFile !== undefined && existsSync(cidFile)) {
    throw usageFailure(`container ID file found, make sure the other container isn't running or delete ${cidFile}`);
  }
  const platform = flags.text('platform');
  const quiet = flags.boolean('quiet');
  const query = { name: flags.text('name'), platform };
  if (when === 'always') await pullOrExplain(client, request.image, quiet, platform);
  let created: Created;
  try {
    created = (await client.json('POST', '/containers/create', { query, json: request.body })) as Created;
  } catch (error) {
    if (!isMissingImage(error) || when !== 'missing') throw error;
    await pullOrExplain(client, request.image, quiet, platform);
    created = (await client.json('POST', '/containers/create', { query, json: request.body })) as Created;
  }
  for (const warning of created.Warnings ?? []) complain(`WARNING: ${warning}`);
  if (cidFile !== undefined) writeFileSync(cidFile, created.Id, { flag: 'wx' });
  return created.Id;
}
