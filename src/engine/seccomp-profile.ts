import { invalidArgument } from '../base/index.ts';
import { kernelAtLeast } from '../kernel/index.ts';
import type { OciSeccomp, OciSyscallRule } from '../runtime/types.ts';

/** A rule of a profile in Docker's format: an OCI rule that may depend on capabilities, architecture and kernel. */
interface ProfileRule {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: OciSyscallRule['args'] | null;
  readonly includes?: Conditions | null;
  readonly excludes?: Conditions | null;
}

interface Conditions {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[] | null;
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[];
  readonly syscalls?: readonly ProfileRule[] | null;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((element) => typeof element === 'string');

const isArgument = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value['index'] === 'number' &&
  typeof value['value'] === 'number' &&
  typeof value['op'] === 'string';

const isConditions = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (isRecord(value) &&
    [value['caps'], value['arches']].every((list) => list === undefined || list === null || isTexts(list)));

const isRule = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value['action'] === 'string' &&
  (typeof value['name'] === 'string' || isTexts(value['names'])) &&
  (value['args'] === undefined ||
    value['args'] === null ||
    (Array.isArray(value['args']) && value['args'].every(isArgument))) &&
  isConditions(value['includes']) &&
  isConditions(value['excludes']);

function isProfile(value: unknown): value is Profile {
  if (!isRecord(value) || typeof value['defaultAction'] !== 'string') return false;
  const rules = value['syscalls'];
  return rules === undefined || rules === null || (Array.isArray(rules) && rules.every(isRule));
}

const nativeArchitecture = process.arch === 'arm64' ? 'SCMP_ARCH_AARCH64' : 'SCMP_ARCH_X86_64';
const goArchitecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

/**
 * Reads a profile as `--security-opt seccomp=FILE` sends it (the file's text), and keeps the rules that hold for this
 * machine and these capabilities. Throws invalid-argument `bad-seccomp-profile`.
 */
export function parseSeccompProfile(text: string, capabilities: readonly string[]): OciSeccomp {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw badProfile('it is not JSON', error);
  }
  if (!isProfile(parsed)) throw badProfile('it lacks a default action, or a rule is malformed');
  const mapped = parsed.archMap?.find(({ architecture }) => architecture === nativeArchitecture);
  const architectures =
    mapped === undefined ? (parsed.architectures ?? []) : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
  return {
    defaultAction: parsed.defaultAction,
    ...(parsed.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: parsed.defaultErrnoRet }),
    architectures,
    syscalls: (parsed.syscalls ?? []).filter((rule) => applies(rule, capabilities)).map(toOciRule),
  };
}

function badProfile(why: string, cause?: unknown) {
  return invalidArgument('bad-seccomp-profile', `Decoding seccomp profile failed: ${why}`, { cause });
}

function applies({ includes, excludes }: ProfileRule, capabilities: readonly string[]): boolean {
  const holds = (name: string): boolean => capabilities.includes(name);
  if (includes?.caps !== undefined && !includes.caps.every(holds)) return false;
  if (includes?.arches !== undefined && includes.arches.length > 0 && !includes.arches.includes(goArchitecture)) {
    return false;
  }
  if (includes?.minKernel !== undefined && !kernelAtLeast(includes.minKernel)) return false;
  if (excludes?.caps?.some(holds) === true) return false;
  if (excludes?.arches?.includes(goArchitecture) === true) return false;
  return !(excludes?.minKernel !== undefined && kernelAtLeast(excludes.minKernel));
}

function toOciRule(rule: ProfileRule): OciSyscallRule {
  return {
    names: rule.names ?? (rule.name === undefined ? [] : [rule.name]),
    action: rule.action,
    ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args === undefined || rule.args === null ? {} : { args: rule.args }),
  };
}
