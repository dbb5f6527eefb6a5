import { thermalThrottleDirectories } from '../../kernel/index.ts';

/** Hidden from containers: they show or change the host's hardware and kernel. Missing ones are passed over. */
export const defaultMaskedPaths: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

/** Visible and read-only. */
export const defaultReadOnlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/**
 * Thermal counters of each CPU, a side channel (GHSA-6fw5-f8r9-fgfm). One mask for each CPU whose kernel driver offers
 * them; virtual machines have none.
 */
export function thermalThrottlePaths(): readonly string[] {
  throttlePaths ??= thermalThrottleDirectories();
  return throttlePaths;
}

let throttlePaths: readonly string[] | undefined;
