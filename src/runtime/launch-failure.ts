import { type CortenError, forbidden, internal, invalidArgument } from '../base/index.ts';
import { errnoName } from '../kernel/index.ts';
import { LaunchError } from './launch-error.ts';
import type { LaunchPlan, PlanOperation } from './plan.ts';

const sentences: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  ENOEXEC: 'exec format error',
  ELOOP: 'too many levels of symbolic links',
  E2BIG: 'argument list too long',
  ENOSPC: 'no space left on device',
  EINVAL: 'invalid argument',
  EROFS: 'read-only file system',
  EAGAIN: 'resource temporarily unavailable',
  ENOMEM: 'cannot allocate memory',
  ETXTBSY: 'text file busy',
  EBUSY: 'device or resource busy',
};

const sentence = (name: string): string => sentences[name] ?? name;

/** Puts the failure of an operation into words that say which wish of the user could not be granted. */
export function describeLaunchFailure(error: unknown, plan: LaunchPlan): unknown {
  if (!(error instanceof LaunchError) || error.operation === undefined) return error;
  const operation = plan.operations[error.operation];
  return operation === undefined ? error : launchFailure(operation, error.errno);
}

/**
 * What a failed operation of a launch plan means to the user. The words are those that Docker's clients look for:
 * "executable file not found", "no such file or directory" become exit code 127, "permission denied" 126.
 */
function launchFailure(operation: PlanOperation, errno: number): CortenError {
  const code = errnoName(errno);
  switch (operation.op) {
    case 'exec':
      return execFailure(operation.arguments[0] ?? '', code);
    case 'working-directory':
      return invalidArgument(
        'working-directory-failed',
        `unable to start container process: chdir to cwd ("${operation.path}") set in config.json failed: ${sentence(code)}`,
      );
    case 'bind': {
      const source = typeof operation.source === 'string' ? operation.source : 'a shared directory';
      return invalidArgument(
        'mount-failed',
        `error mounting "${source}" to rootfs at "${operation.path}": ${sentence(code)}`,
        mountHint(code),
      );
    }
    case 'mount':
      return invalidArgument(
        'mount-failed',
        `error mounting ${operation.type} to rootfs at "${operation.path}": ${sentence(code)}`,
        mountHint(code),
      );
    case 'rlimit':
      return forbidden('ulimit-refused', `error setting rlimit ${operation.resource}: ${sentence(code)}`, {
        hint: 'a hard limit above the daemon’s own needs CAP_SYS_RESOURCE',
      });
    case 'oom-score-adjust':
      return forbidden('oom-score-refused', `setting oom_score_adj to ${operation.value} failed: ${sentence(code)}`, {
        hint: 'a value below the daemon’s own needs CAP_SYS_RESOURCE',
      });
    case 'sysctl':
      return invalidArgument(
        'sysctl-failed',
        `setting sysctl ${operation.key.replaceAll('/', '.')} to "${operation.value}" failed: ${sentence(code)}`,
      );
    case 'device':
      return invalidArgument('device-failed', `creating device node ${operation.path} failed: ${sentence(code)}`);
    default:
      return internal('launch-failed', `starting the container failed at "${operation.op}": ${sentence(code)}`);
  }
}

function mountHint(code: string): { readonly hint?: string } {
  if (code === 'ENOSPC') return { hint: 'the limit of mounts is reached (fs.mount-max), the disk is not full' };
  if (code === 'ENOTDIR') return { hint: 'a directory cannot be mounted on a file, nor a file on a directory' };
  return {};
}

function execFailure(command: string, code: string): CortenError {
  const prefix = `unable to start container process: exec: "${command}"`;
  if (code === 'ENOENT' && !command.includes('/')) {
    return invalidArgument('command-not-found', `${prefix}: executable file not found in $PATH`);
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return invalidArgument('command-not-found', `${prefix}: stat ${command}: ${sentence(code)}`);
  }
  return invalidArgument('command-not-executable', `${prefix}: ${sentence(code)}`);
}
