import type { CommandFailure } from './failure.ts';
import { styleFor } from './format/style.ts';

/** "corten: message", and the hint on a line of its own. */
export function formatFailure(failure: CommandFailure): string {
  const style = styleFor(process.stderr);
  const hint = failure.hint === undefined ? '' : `\n  ${style.dim('hint:')} ${failure.hint}`;
  return `${style.red('corten:')} ${failure.message.trimEnd()}${hint}`;
}
