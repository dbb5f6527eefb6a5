import { hasErrno } from '../kernel-error.ts';
import { processesBelow } from './files.ts';

/**
 * SIGKILL to all of a group until a look finds nobody who was not killed before: a process that forks while we read
 * the list is caught in the next round.
 */
export async function killEverything(directory: string): Promise<void> {
  const killed = new Set<number>();
  for (let round = 0; round < 1000; round += 1) {
    const fresh = processesBelow(directory).filter((pid) => !killed.has(pid));
    if (fresh.length === 0) return;
    for (const pid of fresh) {
      killed.add(pid);
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (!hasErrno(error, 'ESRCH')) throw error;
      }
    }
    // Gives way to the event loop between rounds: a fork bomb must not hold the daemon.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
