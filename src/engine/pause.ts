import { conflict } from '../base/index.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, publish } from './context.ts';
import { allow, refuse } from './status.ts';

/** A crash between the two steps leaves it frozen with a row that says running: reconciliation thaws it. */
export async function pauseContainer(context: EngineContext, entry: ContainerEntry): Promise<void> {
  await context.mutex.run(entry.id, async () => {
    allow(refuse.pause(entry.view()));
    const { process } = entry;
    if (process === undefined) throw notRunning(entry);
    await process.pause();
    await context.step('pause: frozen');
    if (entry.process !== process) throw notRunning(entry);
    entry.change({ status: 'paused' });
    publish(context, entry, 'pause');
  });
}

export async function unpauseContainer(context: EngineContext, entry: ContainerEntry): Promise<void> {
  await context.mutex.run(entry.id, async () => {
    allow(refuse.unpause(entry.view()));
    const { process } = entry;
    if (process === undefined) throw notRunning(entry);
    await process.resume();
    await context.step('unpause: thawed');
    if (entry.process !== process) throw notRunning(entry);
    entry.change({ status: 'running' });
    publish(context, entry, 'unpause');
  });
}

function notRunning({ id }: ContainerEntry): Error {
  return conflict('container-not-running', `container ${id} is not running`);
}
