import { invalidArgument, notImplemented } from '../base/index.ts';

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** "default", "unconfined", or the text of a profile. */
  readonly seccomp: string;
  readonly writableCgroups: boolean;
}

/** What --security-opt says. Both separators that Docker ever took ("=" and ":") are understood. */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let noNewPrivileges = false;
  let seccomp = 'default';
  let writableCgroups = false;
  for (const option of options) {
    const separator = /[=:]/.exec(option)?.index ?? -1;
    const key = separator < 0 ? option : option.slice(0, separator);
    const value = separator < 0 ? undefined : option.slice(separator + 1);
    switch (key) {
      case 'no-new-privileges':
        noNewPrivileges = parseBoolean(option, value ?? 'true');
        break;
      case 'writable-cgroups':
        writableCgroups = parseBoolean(option, value ?? 'true');
        break;
      case 'seccomp':
        if (value === undefined || value === '') throw invalidOption(option);
        seccomp = value === 'builtin' ? 'default' : value;
        break;
      case 'apparmor':
        // No AppArmor here: "unconfined" is what a container gets anyway, a profile would be silently missing.
        if (value !== 'unconfined' && value !== '') {
          throw notImplemented('apparmor-not-supported', `AppArmor is not supported: ${option}`);
        }
        break;
      case 'label':
        // SELinux labels mean nothing on a host without it; Docker accepts them there too.
        break;
      default:
        throw invalidOption(option);
    }
  }
  return { noNewPrivileges, seccomp, writableCgroups };
}

function parseBoolean(option: string, text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw invalidOption(option);
}

function invalidOption(option: string) {
  return invalidArgument('invalid-security-option', `invalid --security-opt: "${option}"`);
}
