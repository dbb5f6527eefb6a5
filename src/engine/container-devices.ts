import { invalidArgument } from '../base/index.ts';
import { describeError } from '../base/index.ts';
import { type HostDevice, hasErrno, hostDevices } from '../kernel/index.ts';
import type { OciDevice, OciDeviceRule } from '../runtime/types.ts';
import { defaultDeviceRules, defaultDevices, everyDevice } from './sandbox-defaults/index.ts';
import type { DeviceMapping, HostConfiguration } from './types.ts';

export interface ContainerDevices {
  readonly devices: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
}

/** The device nodes that a container finds in /dev, and which devices it may open. */
export function containerDevices(host: HostConfiguration): ContainerDevices {
  const mapped = host.devices.flatMap((mapping) => mappedDevices(mapping));
  if (host.privileged) {
    const own = hostDevices('/dev').map((device) => toOciDevice(device, device.path));
    return { devices: byPath([...defaultDevices, ...own, ...mapped.map(({ device }) => device)]), rules: everyDevice };
  }
  return {
    devices: byPath([...defaultDevices, ...mapped.map(({ device }) => device)]),
    rules: [...defaultDeviceRules, ...mapped.map(({ rule }) => rule)],
  };
}

/** The last one of a path wins. */
function byPath(devices: readonly OciDevice[]): readonly OciDevice[] {
  return [...new Map(devices.map((device) => [device.path, device])).values()];
}

function toOciDevice(device: HostDevice, path: string): OciDevice {
  const { type, major, minor, mode, uid, gid } = device;
  return { type, path, major, minor, fileMode: mode, uid, gid };
}

function mappedDevices(
  mapping: DeviceMapping,
): readonly { readonly device: OciDevice; readonly rule: OciDeviceRule }[] {
  const { hostPath, containerPath, permissions } = mapping;
  if (!/^[rwm]{1,3}$/.test(permissions)) {
    throw invalidArgument('invalid-device', `invalid device permissions "${permissions}" for ${hostPath}`);
  }
  return findDevices(hostPath).map((device) => {
    const { type, major, minor } = device;
    const path = device.path === hostPath ? containerPath : `${containerPath}${device.path.slice(hostPath.length)}`;
    return { device: toOciDevice(device, path), rule: { allow: true, type, major, minor, access: permissions } };
  });
}

function findDevices(hostPath: string): readonly HostDevice[] {
  const failure = (why: string) =>
    invalidArgument(
      'device-not-found',
      `error gathering device information while adding custom device "${hostPath}": ${why}`,
    );
  try {
    const devices = hostDevices(hostPath);
    if (devices.length === 0) throw failure('not a device node');
    return devices;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) throw failure('no such file or directory');
    if (hasErrno(error, 'EACCES', 'ENOTDIR', 'ELOOP')) throw failure(describeError(error));
    throw error;
  }
}

/** `--device-cgroup-rule`: "c 1:3 rwm", "a *:* rwm". */
export function parseDeviceRule(text: string): OciDeviceRule {
  const match = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) throw invalidArgument('invalid-device-rule', `invalid device cgroup rule format: '${text}'`);
  const [, letter, major, minor, access = 'rwm'] = match;
  const type = letter === 'b' || letter === 'c' ? letter : undefined;
  return {
    allow: true,
    ...(type === undefined ? {} : { type }),
    ...(major === undefined || major === '*' ? {} : { major: Number(major) }),
    ...(minor === undefined || minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}
