import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../base/index.ts';
import type { OciRuntimeConfiguration } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import { containerDirectory, type EngineContext } from './context.ts';
import { ociConfiguration } from './launch-request.ts';

/**
 * The configuration that a container was started with; kept in a file, since a restarted daemon needs it too. Made again from
 * the row should the file be damaged or gone.
 */
export async function storedConfiguration(
  context: EngineContext,
  entry: ContainerEntry,
): Promise<OciRuntimeConfiguration> {
  const path = join(containerDirectory(context, entry.id), 'config.json');
  try {
    return JSON.parse(await readFile(path, 'utf8')) as OciRuntimeConfiguration;
  } catch (error) {
    context.log.warn({ id: entry.id, err: error }, `${path} is made again: ${describeError(error)}`);
    return ociConfiguration(context, context.rootFiles, entry);
  }
}
