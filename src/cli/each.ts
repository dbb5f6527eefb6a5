import { CommandFailure } from './failure.ts';
import { complain, printLine } from './format/output.ts';
import { formatFailure } from './report.ts';

/**
 * Does the same to every operand, all at once (or in order), prints what each gives in the order they were named, and goes
 * on after a failure. Resolves with the exit status.
 */
export async function forEach(
  operands: readonly string[],
  act: (operand: string) => Promise<string | undefined>,
  options: { readonly inOrder?: boolean } = {},
): Promise<number> {
  let failed = 0;
  const report = (outcome: PromiseSettledResult<string | undefined>): void => {
    if (outcome.status === 'fulfilled') {
      if (outcome.value !== undefined) printLine(outcome.value);
      return;
    }
    const reason: unknown = outcome.reason;
    if (!(reason instanceof CommandFailure)) throw reason;
    complain(formatFailure(reason));
    failed = 1;
  };
  if (options.inOrder === true) {
    for (const operand of operands) report((await Promise.allSettled([act(operand)]))[0]);
    return failed;
  }
  const outcomes = operands.map((operand) => Promise.allSettled([act(operand)]));
  for (const outcome of outcomes) report((await outcome)[0]);
  return failed;
}
