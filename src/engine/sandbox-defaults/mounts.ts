import type { OciMount } from '../../runtime/types.ts';

const mount = (type: string, destination: string, options: readonly string[], source: string = type): OciMount => ({
  type,
  source,
  destination,
  options,
});

export interface DefaultMountOptions {
  readonly privileged: boolean;
  readonly writableCgroups: boolean;
  readonly shmSizeBytes: number;
  /** false where /dev/shm comes from elsewhere (host's or another container's IPC namespace). */
  readonly ownShm: boolean;
}

/** What every container sees beside its image, in the order of mounting. */
export function defaultMounts(options: DefaultMountOptions): readonly OciMount[] {
  const access = options.privileged ? 'rw' : 'ro';
  return [
    mount('proc', '/proc', ['nosuid', 'noexec', 'nodev']),
    mount('tmpfs', '/dev', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    mount('devpts', '/dev/pts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
    mount('sysfs', '/sys', ['nosuid', 'noexec', 'nodev', access]),
    mount('cgroup', '/sys/fs/cgroup', [options.writableCgroups ? 'rw' : 'ro', 'nosuid', 'noexec', 'nodev']),
    mount('mqueue', '/dev/mqueue', ['nosuid', 'noexec', 'nodev']),
    ...(options.ownShm
      ? [mount('tmpfs', '/dev/shm', ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${options.shmSizeBytes}`], 'shm')]
      : []),
  ];
}

/** docker's default for --shm-size. */
export const defaultShmSizeBytes = 64 * 1024 * 1024;
