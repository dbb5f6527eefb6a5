import type { OciResources } from './oci.ts';
import type { ResourceLimits } from './types.ts';

/** Leaves undefined members out, as exact optional properties want it. */
function defined<T extends object>(object: { readonly [K in keyof T]: T[K] | undefined }): T | undefined {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}

type Memory = NonNullable<OciResources['memory']>;
type Cpu = NonNullable<OciResources['cpu']>;

/** Limits in the form of the OCI configuration. Absent limits stay absent: nothing is written for them. */
export function toOciResources(limits: ResourceLimits): Omit<OciResources, 'devices'> {
  const memory = defined<Memory>({
    limit: limits.memoryBytes,
    reservation: limits.memoryReservationBytes,
    swap: limits.memorySwapBytes,
    swappiness: limits.memorySwappiness,
    disableOOMKiller: limits.oomKillDisable === true ? true : undefined,
  });
  const cpu = defined<Cpu>({
    shares: limits.cpuShares,
    quota: limits.cpuQuotaMicroseconds,
    period: limits.cpuPeriodMicroseconds,
    realtimeRuntime: limits.cpuRealtimeRuntimeMicroseconds,
    realtimePeriod: limits.cpuRealtimePeriodMicroseconds,
    cpus: limits.cpusetCpus,
    mems: limits.cpusetMems,
  });
  return {
    ...(memory === undefined ? {} : { memory }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(limits.pidsLimit === undefined ? {} : { pids: { limit: limits.pidsLimit } }),
    ...(limits.blkioWeight === undefined ? {} : { blockIO: { weight: limits.blkioWeight } }),
  };
}
