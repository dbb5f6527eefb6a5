import type { OciSeccomp, OciSyscallRule } from '../../runtime/types.ts';
import { allowedOnArchitecture, allowedWithCapability, alwaysAllowed } from './system-calls.ts';

/** Namespace flags of clone(2); CLONE_NEWTIME shares its bit with the exit signal and is not one of them. */
const namespaceFlags = 0x7e02_0000;
const errnoNotImplemented = 38;
const familyAlg = 38;
const familyVsock = 40;

/** Personalities that change no security property: Linux, 32-bit, BSD-like uname, both, and "tell me". */
const harmlessPersonalities = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const allow = (names: readonly string[], args?: OciSyscallRule['args']): OciSyscallRule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  ...(args === undefined ? {} : { args }),
});

const profiles = new Map<string, OciSeccomp>();

/**
 * The default filter for a container with these capabilities: an allow-list, everything else fails with EPERM.
 * The same object for the same capabilities, so that it is compiled once.
 */
export function defaultSeccomp(capabilities: readonly string[]): OciSeccomp {
  const relevant = capabilities.filter((name) => Object.hasOwn(allowedWithCapability, name)).sort();
  const key = relevant.join(' ');
  let profile = profiles.get(key);
  if (profile === undefined) {
    profile = makeProfile(new Set(relevant));
    profiles.set(key, profile);
  }
  return profile;
}

function makeProfile(capabilities: ReadonlySet<string>): OciSeccomp {
  const withCapabilities = [...capabilities].flatMap((name) => allowedWithCapability[name] ?? []);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    // x32 is left out on purpose: its calls then get the default action, and hardly a kernel still offers it.
    architectures:
      process.arch === 'arm64' ? ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'] : ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [
      allow([
        ...alwaysAllowed,
        // Safe since Linux 4.8, when ptrace stopped being a way round seccomp; older kernels are not supported.
        'process_vm_readv',
        'process_vm_writev',
        'ptrace',
        ...(allowedOnArchitecture[process.arch] ?? []),
        ...withCapabilities,
      ]),
      ...harmlessPersonalities.map((value) => allow(['personality'], [{ index: 0, value, op: 'SCMP_CMP_EQ' }])),
      ...socketRules,
      ...(capabilities.has('CAP_SYS_ADMIN') ? [] : cloneRules),
    ],
  };
}

/**
 * Every socket family but AF_ALG (CVE-2026-31431, "Copy Fail") and AF_VSOCK, which reaches past network namespaces
 * to the hypervisor. The compiler closes the second way in that i386 has, socketcall(2).
 */
const socketRules: readonly OciSyscallRule[] = [
  allow(['socket'], [{ index: 0, value: familyAlg, op: 'SCMP_CMP_LT' }]),
  allow(['socket'], [{ index: 0, value: familyAlg + 1, op: 'SCMP_CMP_EQ' }]),
  allow(['socket'], [{ index: 0, value: familyVsock, op: 'SCMP_CMP_GT' }]),
  allow(['socketcall']),
];

/**
 * No new namespaces without CAP_SYS_ADMIN: each is a piece of kernel that strangers have attacked. The flags of clone3
 * lie in memory; ENOSYS makes the C library fall back to clone.
 */
const cloneRules: readonly OciSyscallRule[] = [
  allow(['clone'], [{ index: 0, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }]),
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: errnoNotImplemented },
];
