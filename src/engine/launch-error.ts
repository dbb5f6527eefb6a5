import { CortenError } from '../base/index.ts';

/** Codes of errors that are a user's typing mistake: their cause in the kernel's words adds nothing. */
const selfExplaining: ReadonlySet<string> = new Set(['command-not-found', 'command-not-executable']);

/** The same error in the words that Docker's clients look for. */
export function rephrase({ kind, code, hint, cause }: CortenError, message: string): CortenError {
  return new CortenError(kind, message, {
    code,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined || selfExplaining.has(code) ? {} : { cause }),
  });
}
