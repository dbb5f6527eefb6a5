import { invalidArgument } from '../base/index.ts';
import type { OciNamespace } from '../runtime/types.ts';
import type { HostConfiguration } from './types.ts';

/** Host PIDs of other containers' init processes, for the modes "container:X". */
export interface JoinedProcesses {
  readonly network?: number;
  readonly pid?: number;
  readonly ipc?: number;
}

/**
 * Namespaces by the modes of the host configuration: absent is the host's, with a path another container's. The
 * network namespace of a container with its own is made beforehand and handed to the runtime as a descriptor.
 */
export function containerNamespaces(
  host: HostConfiguration,
  joined: JoinedProcesses,
  cgroupVersion: 1 | 2,
): readonly OciNamespace[] {
  if (host.usernsMode !== '' && host.usernsMode !== 'host') {
    throw invalidArgument('invalid-userns-mode', `invalid userns mode: ${host.usernsMode}`);
  }
  return [
    { type: 'mount' },
    ...byMode('pid', host.pidMode, 'pid', joined.pid),
    ...byMode('network', host.networkMode, 'net', joined.network),
    ...byMode('ipc', host.ipcMode, 'ipc', joined.ipc),
    ...byMode('uts', host.utsMode, 'uts', undefined),
    ...cgroupNamespace(host, cgroupVersion),
  ];
}

function byMode(
  type: OciNamespace['type'],
  mode: string,
  file: string,
  joinedPid: number | undefined,
): readonly OciNamespace[] {
  if (mode === 'host') return [];
  if (!mode.startsWith('container:')) return [{ type }];
  if (joinedPid === undefined || joinedPid <= 0) {
    throw invalidArgument('joined-container-not-running', `cannot join the ${type} namespace of ${mode}: not running`);
  }
  return [{ type, path: `/proc/${joinedPid}/ns/${file}` }];
}

/** Docker's default: private on v2; on v1 the host's, as a namespace there hides less than it breaks. */
function cgroupNamespace(host: HostConfiguration, cgroupVersion: 1 | 2): readonly OciNamespace[] {
  if (host.cgroupnsMode === 'private') return [{ type: 'cgroup' }];
  if (host.cgroupnsMode === 'host') return [];
  if (host.cgroupnsMode !== '') {
    throw invalidArgument('invalid-cgroupns-mode', `invalid cgroup namespace mode: ${host.cgroupnsMode}`);
  }
  return cgroupVersion === 2 && !host.privileged ? [{ type: 'cgroup' }] : [];
}

const ipcSysctls = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/**
 * Only settings that belong to a namespace which the container has for itself may be changed; any other would change
 * the host. Throws invalid-argument `sysctl-not-namespaced`.
 */
export function validateSysctls(sysctls: Readonly<Record<string, string>>, namespaces: readonly OciNamespace[]): void {
  const owns = (type: OciNamespace['type']): boolean =>
    namespaces.some((namespace) => namespace.type === type && namespace.path === undefined);
  for (const key of Object.keys(sysctls)) {
    const dotted = key.includes('.') ? key : key.replaceAll('/', '.');
    if (!/^[\w./*-]+$/.test(key) || /(^|[./])\.\.?([./]|$)/.test(key)) throw refusal(key, 'is not a valid name');
    if (dotted.startsWith('net.')) {
      if (!owns('network')) throw refusal(key, 'not allowed in host network namespace');
    } else if (ipcSysctls.has(dotted) || dotted.startsWith('fs.mqueue.')) {
      if (!owns('ipc')) throw refusal(key, 'not allowed in host ipc namespace');
    } else if (dotted === 'kernel.domainname') {
      if (!owns('uts')) throw refusal(key, 'not allowed in host uts namespace');
    } else {
      throw refusal(key, 'is not in a separate kernel namespace');
    }
  }
}

function refusal(key: string, why: string) {
  return invalidArgument('sysctl-not-namespaced', `sysctl "${key}" ${why}`);
}
