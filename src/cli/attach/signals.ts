import { constants } from 'node:os';
import { ApiFailure } from '../api/api-failure.ts';
import type { Client } from '../api/client.ts';
import { complain } from '../format/output.ts';

/** Signals that are about this process itself, not about the work it stands for. */
const ownSignals = new Set([
  'SIGKILL',
  'SIGSTOP',
  'SIGCHLD',
  'SIGPIPE',
  'SIGURG',
  'SIGWINCH',
  'SIGPROF',
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGTTIN',
  'SIGTTOU',
  'SIGTSTP',
  'SIGCONT',
  'SIGABRT',
  'SIGIOT',
  'SIGTRAP',
  'SIGSYS',
  'SIGPOLL',
  'SIGIO',
  'SIGUNUSED',
  'SIGVTALRM',
  'SIGSTKFLT',
]);

/** Passes signals on to the container; call the result to stop. */
export function forwardSignals(client: Client, id: string): () => void {
  const handlers = new Map<NodeJS.Signals, () => void>();
  for (const name of Object.keys(constants.signals) as NodeJS.Signals[]) {
    if (ownSignals.has(name)) continue;
    const handler = (): void => {
      client.send('POST', `/containers/${id}/kill`, { query: { signal: name } }).catch((error: unknown) => {
        // It may have ended in the meantime; then there is nobody to tell.
        if (error instanceof ApiFailure && (error.status === 409 || error.status === 404)) return;
        complain(`corten: ${name} was not delivered: ${error instanceof Error ? error.message : String(error)}`);
      });
    };
    try {
      process.on(name, handler);
      handlers.set(name, handler);
    } catch {
      // Not every signal of the table can be caught on every platform.
    }
  }
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}
