import { invalidArgument } from '../../../base/index.ts';
import type { ResourceLimits } from '../../../runtime/types.ts';
import { boolean, integer, type JsonObject, optional, string } from './fields.ts';

/** Fields with 0 as "not set" on the wire; the others tell absent from zero. */
function positive(given: JsonObject, path: string, name: string): number | undefined {
  const value = integer(given[name], `${path}.${name}`);
  if (value < 0) throw invalidArgument('invalid-resource', `invalid value for ${name}: ${value} is negative`);
  return value === 0 ? undefined : value;
}

function notZero(value: number): number | undefined {
  return value === 0 ? undefined : value;
}

function defined(limits: { readonly [K in keyof ResourceLimits]: ResourceLimits[K] | undefined }): ResourceLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

/** The resource limits of a HostConfig or of an update, zero values left out. NanoCpus is apart: see nanoCpus. */
export function resourceLimits(given: JsonObject, path: string): ResourceLimits {
  const swappiness = optional(given['MemorySwappiness'], `${path}.MemorySwappiness`, integer);
  if (swappiness !== undefined && (swappiness < -1 || swappiness > 100)) {
    throw invalidArgument('invalid-resource', `invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  const weight = positive(given, path, 'BlkioWeight');
  if (weight !== undefined && (weight < 10 || weight > 1000)) {
    throw invalidArgument('invalid-resource', `range of blkio weight is from 10 to 1000, not ${weight}`);
  }
  return defined({
    memoryBytes: positive(given, path, 'Memory'),
    memorySwapBytes: notZero(integer(given['MemorySwap'], `${path}.MemorySwap`)),
    memoryReservationBytes: positive(given, path, 'MemoryReservation'),
    memorySwappiness: swappiness === -1 ? undefined : swappiness,
    oomKillDisable: boolean(given['OomKillDisable'], `${path}.OomKillDisable`) ? true : undefined,
    cpuShares: positive(given, path, 'CpuShares'),
    cpuPeriodMicroseconds: positive(given, path, 'CpuPeriod'),
    cpuQuotaMicroseconds: notZero(integer(given['CpuQuota'], `${path}.CpuQuota`)),
    cpuRealtimePeriodMicroseconds: positive(given, path, 'CpuRealtimePeriod'),
    cpuRealtimeRuntimeMicroseconds: positive(given, path, 'CpuRealtimeRuntime'),
    cpusetCpus: string(given['CpusetCpus'], `${path}.CpusetCpus`) || undefined,
    cpusetMems: string(given['CpusetMems'], `${path}.CpusetMems`) || undefined,
    pidsLimit: optional(given['PidsLimit'], `${path}.PidsLimit`, integer),
    blkioWeight: weight,
  });
}

/** Billionths of a CPU; Go's and the description's spellings differ. */
export function nanoCpus(given: JsonObject, path: string): number {
  const value = integer(given['NanoCpus'] ?? given['NanoCPUs'], `${path}.NanoCpus`);
  if (value < 0) throw invalidArgument('invalid-resource', `invalid value for NanoCpus: ${value} is negative`);
  return value;
}
