import { CortenError, type ErrorKind } from '../base/index.ts';
import { errnoName, KernelError } from '../kernel/index.ts';
import { failureStages } from './monitor-protocol.ts';
import type { LaunchPlan } from './plan.ts';

/** A launch that the native program could not carry out. Nothing of it is left. */
export class LaunchError extends CortenError {
  /** Index of the operation that failed; undefined when it was the monitor's own set-up, or clone3. */
  readonly operation: number | undefined;
  readonly errno: number;
  /** The errno's name, e.g. ENOENT. */
  readonly errnoName: string;

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    details: { readonly operation: number | undefined; readonly errno: number; readonly cause: unknown },
  ) {
    super(kind, message, { code, cause: details.cause });
    this.name = 'LaunchError';
    this.operation = details.operation;
    this.errno = details.errno;
    this.errnoName = errnoName(details.errno);
  }
}

/**
 * `command-not-found` and `command-not-executable` in the words that Docker's clients look for; everything else is
 * `launch-failed`.
 * @param index of the operation, -1 for none
 */
export function launchError(plan: LaunchPlan, index: number, errno: number, stage: number): LaunchError {
  const operation = plan.operations[index];
  const name = errnoName(errno);
  const cause = new KernelError({ call: operation?.op ?? failureStages.get(stage) ?? 'launch', errno });
  const details = { operation: operation === undefined ? undefined : index, errno, cause };
  if (operation?.op === 'exec') {
    const command = operation.arguments[0] ?? '';
    if (name === 'ENOENT' || name === 'ENOTDIR') {
      const why = command.includes('/')
        ? `stat ${command}: no such file or directory`
        : 'executable file not found in $PATH';
      return new LaunchError('invalid-argument', 'command-not-found', `exec: "${command}": ${why}`, details);
    }
    const why = name === 'EACCES' ? 'permission denied' : name === 'ENOEXEC' ? 'exec format error' : name;
    return new LaunchError('invalid-argument', 'command-not-executable', `exec: "${command}": ${why}`, details);
  }
  const what =
    operation === undefined ? (failureStages.get(stage) ?? 'launch') : `operation ${index} (${operation.op})`;
  return new LaunchError('internal', 'launch-failed', `starting the process failed at ${what}: ${name}`, details);
}
