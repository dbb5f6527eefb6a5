import { closeSync, fstatSync, readSync } from 'node:fs';
import { release } from 'node:os';
import koffi from 'koffi';
import { errno } from './errno.ts';
import { KernelError } from './kernel-error.ts';
import { check, libc } from './libc.ts';

/** The seccomp section of an OCI runtime configuration. */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number;
    readonly valueTwo?: number;
    readonly op: string;
  }[];
}

/** SCMP_ARCH_*: the kernel's AUDIT_ARCH numbers, and libseccomp's own for x32. */
const architectures: Readonly<Record<string, number>> = {
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_ARM: 0x40000028,
  SCMP_ARCH_AARCH64: 0xc00000b7,
};

/** SCMP_CMP_* in the order of seccomp.h. */
const comparisons: Readonly<Record<string, number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

const optimiseAttribute = 8;
const noNewPrivilegesAttribute = 3;
const badArchitectureAttribute = 2;
const binaryTree = 2;

function actionCode(action: string, errnoValue: number | undefined): number {
  switch (action) {
    case 'SCMP_ACT_KILL':
    case 'SCMP_ACT_KILL_THREAD':
      return 0x00000000;
    case 'SCMP_ACT_KILL_PROCESS':
      return 0x80000000;
    case 'SCMP_ACT_TRAP':
      return 0x00030000;
    case 'SCMP_ACT_ERRNO':
      return 0x00050000 | ((errnoValue ?? 1) & 0xffff);
    case 'SCMP_ACT_TRACE':
      return 0x7ff00000 | ((errnoValue ?? 1) & 0xffff);
    case 'SCMP_ACT_LOG':
      return 0x7ffc0000;
    case 'SCMP_ACT_ALLOW':
      return 0x7fff0000;
    default:
      throw new KernelError({
        call: 'seccomp',
        errno: errno.EINVAL,
        subject: `action ${action}`,
        hint: 'notification to a supervisor and unknown actions are not supported',
      });
  }
}

function bindLibrary() {
  const library = koffi.load('libseccomp.so.2');
  const comparison = koffi.struct('scmp_arg_cmp', { arg: 'uint32', op: 'int', a: 'uint64', b: 'uint64' });
  return {
    comparison,
    initialise: library.func('void *seccomp_init(uint32 action)'),
    release: library.func('void seccomp_release(void *context)'),
    addArchitecture: library.func('int seccomp_arch_add(void *context, uint32 token)'),
    setAttribute: library.func('int seccomp_attr_set(void *context, int attribute, uint32 value)'),
    resolve: library.func('int seccomp_syscall_resolve_name(const char *name)'),
    addRule: library.func(
      'int seccomp_rule_add_array(void *context, uint32 action, int number, uint32 count, scmp_arg_cmp *arguments)',
    ),
    export: library.func('int seccomp_export_bpf(void *context, int descriptor)'),
  };
}

let bound: ReturnType<typeof bindLibrary> | undefined;
/** Loaded at the first use: a daemon that starts only unconfined containers needs no libseccomp. */
const seccompLibrary = (): ReturnType<typeof bindLibrary> => (bound ??= bindLibrary());

const memfdCreate = libc.func('int memfd_create(const char *name, uint32 flags)');

/** libseccomp returns a negative errno itself. */
function checkResult(call: string, result: number, subject?: string): void {
  if (result < 0) throw new KernelError({ call, errno: -result, subject });
}

const byIdentity = new WeakMap<SeccompProfile, Uint8Array>();
const byContent = new Map<string, Uint8Array>();
const maximumCached = 64;

/**
 * Compiles a profile to the classic BPF program (array of struct sock_filter) that seccomp(2) takes. A few
 * milliseconds for the default profile, so results are kept. System calls that the installed libseccomp does not know
 * are left out: for an allow-list that means they stay forbidden.
 */
export function compileSeccomp(profile: SeccompProfile): Uint8Array {
  const known = byIdentity.get(profile);
  if (known !== undefined) return known;
  const key = JSON.stringify(profile);
  let filter = byContent.get(key);
  if (filter === undefined) {
    filter = compile(profile);
    const oldest = byContent.keys().next().value;
    if (byContent.size >= maximumCached && oldest !== undefined) byContent.delete(oldest);
    byContent.set(key, filter);
  }
  byIdentity.set(profile, filter);
  return filter;
}

function compile(profile: SeccompProfile): Uint8Array {
  const library = seccompLibrary();
  const defaultAction = actionCode(profile.defaultAction, profile.defaultErrnoRet);
  const context: unknown = library.initialise(defaultAction);
  if (context === null) throw new KernelError({ call: 'seccomp_init', errno: errno.EINVAL });
  try {
    for (const name of profile.architectures ?? []) {
      const token = architectures[name];
      if (token === undefined) continue;
      const result: number = library.addArchitecture(context, token);
      // EEXIST: the native architecture is there from the start.
      if (result !== -errno.EEXIST) checkResult('seccomp_arch_add', result, name);
    }
    // The native program sets no_new_privs itself, where it is asked for.
    checkResult('seccomp_attr_set', library.setAttribute(context, noNewPrivilegesAttribute, 0));
    // System calls by a foreign architecture's entry get the default action rather than a kill.
    checkResult('seccomp_attr_set', library.setAttribute(context, badArchitectureAttribute, defaultAction));
    // libseccomp >= 2.5: a binary tree over the numbers, about 9 compares in place of 300.
    checkResult('seccomp_attr_set', library.setAttribute(context, optimiseAttribute, binaryTree));
    for (const rule of profile.syscalls ?? []) addRule(library, context, rule, defaultAction);
    const filter = exportFilter(library, context);
    return filtersSocketFamilies(profile) ? Buffer.concat([socketcallGuard(defaultAction), filter]) : filter;
  } finally {
    library.release(context);
  }
}

function addRule(
  library: ReturnType<typeof bindLibrary>,
  context: unknown,
  rule: SeccompRule,
  defaultAction: number,
): void {
  const action = actionCode(rule.action, rule.errnoRet);
  // libseccomp refuses a rule that says what happens anyway.
  if (action === defaultAction) return;
  const all = (rule.args ?? []).map(({ index, value, valueTwo, op }) => {
    const comparison = comparisons[op];
    if (comparison === undefined) {
      throw new KernelError({ call: 'seccomp', errno: errno.EINVAL, subject: `comparison ${op}` });
    }
    return { arg: index, op: comparison, a: value, b: valueTwo ?? 0 };
  });
  // One rule may compare an argument only once; several compares of the same argument mean "any of them" (as runc).
  const repeated = new Set(all.map(({ arg }) => arg)).size < all.length;
  const variants = repeated ? all.map((comparison) => [comparison]) : [all];
  for (const name of rule.names) {
    const number: number = library.resolve(name);
    if (number === -1) continue;
    for (const comparisons of variants) {
      checkResult('seccomp_rule_add', library.addRule(context, action, number, comparisons.length, comparisons), name);
    }
  }
}

/** Whether the profile decides socket(2) by its arguments. */
function filtersSocketFamilies(profile: SeccompProfile): boolean {
  return (
    (profile.architectures ?? []).includes('SCMP_ARCH_X86') &&
    (profile.syscalls ?? []).some(({ names, args }) => names.includes('socket') && (args ?? []).length > 0)
  );
}

/**
 * On i386, socket(2) can also be reached by socketcall(2), whose arguments lie in memory where no filter can look; and
 * libseccomp allows that way as soon as one family is allowed. So these instructions, put before its program (jumps
 * are relative), refuse socketcall(SYS_SOCKET, …). i386 programs of a C library without the direct call cannot make
 * sockets then; the alternative is a hole.
 */
function socketcallGuard(action: number): Buffer {
  const socketcallNumber = 102;
  const socketOperation = 1;
  const load = 0x20;
  const jumpIfEqual = 0x15;
  const give = 0x06;
  // Offsets in struct seccomp_data: number 0, architecture 4, first argument 16.
  const instructions: readonly (readonly [code: number, ifTrue: number, ifFalse: number, value: number])[] = [
    [load, 0, 0, 4],
    [jumpIfEqual, 0, 5, architectures['SCMP_ARCH_X86'] ?? 0],
    [load, 0, 0, 0],
    [jumpIfEqual, 0, 3, socketcallNumber],
    [load, 0, 0, 16],
    [jumpIfEqual, 0, 1, socketOperation],
    [give, 0, 0, action],
  ];
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, ifTrue, ifFalse, value]] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value, index * 8 + 4);
  }
  return bytes;
}

function exportFilter(library: ReturnType<typeof bindLibrary>, context: unknown): Uint8Array {
  const descriptor = check('memfd_create', memfdCreate('seccomp', 1));
  try {
    checkResult('seccomp_export_bpf', library.export(context, descriptor));
    const filter = Buffer.alloc(fstatSync(descriptor).size);
    readSync(descriptor, filter, 0, filter.length, 0);
    return filter;
  } finally {
    closeSync(descriptor);
  }
}

/** Whether the running kernel is at least `major.minor`. */
export function kernelAtLeast(version: string): boolean {
  const parse = (text: string): number[] => text.split(/[.-]/).slice(0, 2).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = parse(version);
  const [major = 0, minor = 0] = parse(release());
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
