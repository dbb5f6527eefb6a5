import type { OciDevice, OciDeviceRule } from '../../runtime/types.ts';

const character = (path: string, major: number, minor: number): OciDevice => ({
  type: 'c',
  path,
  major,
  minor,
  fileMode: 0o666,
  uid: 0,
  gid: 0,
});

/** The devices of every container. */
export const defaultDevices: readonly OciDevice[] = [
  character('/dev/null', 1, 3),
  character('/dev/zero', 1, 5),
  character('/dev/full', 1, 7),
  character('/dev/random', 1, 8),
  character('/dev/urandom', 1, 9),
  character('/dev/tty', 5, 0),
];

const use = (major: number, minor?: number): OciDeviceRule => ({
  allow: true,
  type: 'c',
  major,
  ...(minor === undefined ? {} : { minor }),
  access: 'rwm',
});

/** Nothing but the above: nodes may be made (mknod) but not opened. */
export const defaultDeviceRules: readonly OciDeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...defaultDevices.map(({ major = 0, minor = 0 }) => use(major, minor)),
  // /dev/console, /dev/ptmx and the terminals of /dev/pts
  use(5, 1),
  use(5, 2),
  use(136),
];

export const everyDevice: readonly OciDeviceRule[] = [{ allow: true, access: 'rwm' }];
