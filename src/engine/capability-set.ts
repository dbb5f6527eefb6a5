import { forbidden, invalidArgument } from '../base/index.ts';
import { capabilityNumber } from '../kernel/index.ts';
import { defaultCapabilities } from './sandbox-defaults/index.ts';

export interface CapabilityRequest {
  readonly privileged: boolean;
  readonly added: readonly string[];
  readonly dropped: readonly string[];
}

/** "net_admin" -> "CAP_NET_ADMIN". Throws invalid-argument `unknown-capability`. */
export function normaliseCapability(name: string, option: 'CapAdd' | 'CapDrop'): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL' || upper === 'CAP_ALL') return 'ALL';
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (capabilityNumber(full) !== undefined) return full;
  throw invalidArgument('unknown-capability', `invalid ${option}: unknown capability: "${full}"`);
}

/**
 * The capabilities of a container, by Docker's rules. Nothing beyond what the daemon itself holds can be given: "all"
 * means all of those, and asking by name for one that it lacks is an error.
 */
export function capabilitiesOf(request: CapabilityRequest, held: readonly string[]): readonly string[] {
  const added = request.added.map((name) => normaliseCapability(name, 'CapAdd'));
  const dropped = new Set(request.dropped.map((name) => normaliseCapability(name, 'CapDrop')));
  if (request.privileged) return held;
  const missing = added.find((name) => name !== 'ALL' && !held.includes(name));
  if (missing !== undefined) {
    throw forbidden('capability-not-held', `cannot add ${missing}: the daemon does not hold this capability itself`);
  }
  const base = added.includes('ALL') ? held : dropped.has('ALL') ? [] : defaultCapabilities;
  const wanted = new Set([...base.filter((name) => !dropped.has(name)), ...added.filter((name) => !dropped.has(name))]);
  wanted.delete('ALL');
  return held.filter((name) => wanted.has(name));
}
