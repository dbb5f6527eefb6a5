import { readFileSync } from 'node:fs';

/** Linux capabilities in the order of their numbers (linux/capability.h). */
export const capabilityNames = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

const numbers = new Map<string, number>(capabilityNames.map((name, index) => [name, index]));

/** undefined for a name that Linux does not have. */
export function capabilityNumber(name: string): number | undefined {
  return numbers.get(name);
}

/** Bit set of capability names; unknown names are left out. */
export function capabilityMask(names: readonly string[]): bigint {
  return names.reduce((mask, name) => {
    const number = numbers.get(name);
    return number === undefined ? mask : mask | (1n << BigInt(number));
  }, 0n);
}

/** Names in a bit set as /proc/PID/status prints it (hexadecimal). */
export function capabilitiesOfMask(mask: bigint): string[] {
  return capabilityNames.filter((_, index) => ((mask >> BigInt(index)) & 1n) === 1n);
}

let held: readonly string[] | undefined;

/**
 * What this daemon can give away: capabilities that are both permitted and in its bounding set. Less than all inside
 * another container or a sandboxed host. Read once, as a process cannot gain any later.
 */
export function heldCapabilities(): readonly string[] {
  if (held === undefined) {
    const status = readFileSync('/proc/self/status', 'utf8');
    const mask = (field: string): bigint =>
      BigInt(`0x${new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
    held = capabilitiesOfMask(mask('CapPrm') & mask('CapBnd'));
  }
  return held;
}
