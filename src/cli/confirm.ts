import { createInterface } from 'node:readline/promises';
import { complain } from './format/output.ts';

/** Asks before something is removed; only "y" or "yes" is a yes. */
export async function confirmed(question: string): Promise<boolean> {
  complain(`WARNING! ${question}`);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const abort = new AbortController();
  // The end of a stdin that never answers is a no.
  reader.once('close', () => abort.abort());
  try {
    const answer = await reader.question('Are you sure you want to continue? [y/N] ', { signal: abort.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    reader.close();
  }
}
