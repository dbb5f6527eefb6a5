import { CortenError, invalidArgument } from '../base/index.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, publish } from './context.ts';
import { allow, refuse } from './status.ts';

export async function renameContainer(context: EngineContext, entry: ContainerEntry, wish: string): Promise<void> {
  if (wish === '') throw invalidArgument('invalid-container-name', 'Neither old nor new names may be empty');
  await context.mutex.run(entry.id, async () => {
    allow(refuse.change(entry.view(), 'rename'));
    const before = entry.name;
    if (wish === before || wish === `/${before}`) {
      throw invalidArgument('same-name', 'Renaming a container with the same name as its current name');
    }
    const name = reserve(context, entry, wish);
    try {
      entry.rename(name);
    } catch (error) {
      context.table.releaseName(name, entry.id);
      throw error;
    }
    context.table.releaseName(before, entry.id);
    publish(context, entry, 'rename', { oldName: `/${before}` });
  });
}

function reserve(context: EngineContext, entry: ContainerEntry, wish: string): string {
  try {
    return context.table.reserveName(wish, entry.id);
  } catch (error) {
    if (!(error instanceof CortenError)) throw error;
    const message = `Error when allocating new name: ${error.message}`;
    throw new CortenError(error.kind, message, { code: error.code, cause: error });
  }
}
