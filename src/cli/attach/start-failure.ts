import { CommandFailure } from '../failure.ts';

/** A start that failed has the exit status that a shell would give: 127 not found, 126 not executable, else 125. */
export function startFailure(error: unknown): unknown {
  if (!(error instanceof CommandFailure)) return error;
  const { message } = error;
  let exitCode = 125;
  if (/executable file not found|no such file or directory|system cannot find the file/i.test(message)) exitCode = 127;
  else if (/permission denied|is a directory|exec format error/i.test(message)) exitCode = 126;
  return new CommandFailure(message, { hint: error.hint, exitCode });
}
