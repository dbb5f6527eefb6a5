import { readFileSync, writeFileSync } from 'node:fs';
import { hasErrno } from './kernel-error.ts';

/**
 * A kernel parameter by its path below /proc/sys, e.g. "net/ipv4/ip_forward". Those of net belong to the network
 * namespace that the calling thread is in. Synchronous: procfs does not touch a disk.
 */
export function readSysctl(path: string): string {
  return readFileSync(`/proc/sys/${path}`, 'utf8').trim();
}

export function writeSysctl(path: string, value: string): void {
  writeFileSync(`/proc/sys/${path}`, value);
}

/** Like writeSysctl, but leaves a parameter alone that this kernel does not have, e.g. those of IPv6 when it is off. */
export function writeSysctlIfPresent(path: string, value: string): void {
  try {
    writeSysctl(path, value);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}
