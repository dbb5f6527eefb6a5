import { heldCapabilities } from '../kernel/index.ts';
import { capabilitiesOf } from './capability-set.ts';
import { parseDeviceRule } from './container-devices.ts';
import { containerNamespaces, validateSysctls } from './container-namespaces.ts';
import { parseSeccompProfile } from './seccomp-profile.ts';
import { parseSecurityOptions } from './security-options.ts';
import type { ContainerConfiguration } from './types.ts';
import { ulimitsToRlimits } from './ulimits.ts';

/** Stands for the process of a container that is to be joined: whether it runs is asked at the start. */
const anyProcess = 1;

/**
 * Checks at creation what the sandbox is built from at the start: capabilities, security options, sysctls, limits, device rules.
 * Throws invalid-argument, forbidden, not-implemented.
 */
export function validateSandbox({ host }: ContainerConfiguration): void {
  const { seccomp } = parseSecurityOptions(host.securityOptions);
  const capabilities = capabilitiesOf(
    { privileged: host.privileged, added: host.capabilitiesAdded, dropped: host.capabilitiesDropped },
    heldCapabilities(),
  );
  if (seccomp !== 'default' && seccomp !== 'unconfined') parseSeccompProfile(seccomp, capabilities);
  const joined = { network: anyProcess, pid: anyProcess, ipc: anyProcess };
  validateSysctls(host.sysctls, containerNamespaces(host, joined, 1));
  ulimitsToRlimits(host.ulimits, []);
  for (const rule of host.deviceCgroupRules) parseDeviceRule(rule);
}
