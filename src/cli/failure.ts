/** What ends a command early: one line, an optional hint, and the exit status. An empty message prints nothing. */
export class CommandFailure extends Error {
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: { readonly hint?: string | undefined; readonly exitCode?: number } = {}) {
    super(message);
    this.name = 'CommandFailure';
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** A mistake in how the command was written, found before the daemon is asked. */
export function usageFailure(message: string, hint?: string): CommandFailure {
  return new CommandFailure(message, { hint });
}
