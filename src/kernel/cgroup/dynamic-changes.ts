import { closeSync, readFileSync } from 'node:fs';
import { check, libc } from '../libc.ts';
import { parseMountTable } from '../proc.ts';

const callPick = libc.func('long syscall(long number, int directory, const char *path, uint32 flags)');
const callConfigure = libc.func(
  'long syscall(long number, int context, uint32 command, const char *key, const char *value, int auxiliary)',
);
const systemCall = { fsconfig: 431, fspick: 433 } as const;
const workingDirectory = -100;
const pickFlags = 1;
const setFlag = 0;
const reconfigure = 7;

const option = 'favordynmods';

/**
 * Moving a process into a v1 group waits for an RCU grace period: 5 to 15 ms, more than all the rest of a start. The
 * kernel has a switch for hosts that make and change groups all the time, the mount option "favordynmods" of the v2
 * hierarchy, which holds for v1 as well; with it a move takes 0.1 ms, for a slightly dearer fork(2). It stays on until
 * the hierarchy is mounted anew. (On v2 alone it is not needed: processes are cloned into their group.)
 *
 * @returns true when it was switched on, false when it was on already or there is no v2 hierarchy to ask.
 * Throws KernelError where the kernel refuses (older than Linux 6.0: EINVAL).
 */
export function favorDynamicChanges(): boolean {
  const unified = parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8')).find(({ type }) => type === 'cgroup2');
  if (unified === undefined) return false;
  const options = unified.superOptions.split(',');
  if (options.includes(option)) return false;
  const context = check(
    'fspick',
    Number(callPick(systemCall.fspick, workingDirectory, unified.target, pickFlags)),
    unified.target,
  );
  try {
    const configure = (command: number, key: string | null): void => {
      check(
        'fsconfig',
        Number(callConfigure(systemCall.fsconfig, context, command, key, null, 0)),
        key ?? 'reconfigure',
      );
    };
    // A reconfiguration clears what is not said again.
    for (const key of options.filter((name) => name !== 'rw' && name !== 'ro' && !name.includes('='))) {
      configure(setFlag, key);
    }
    configure(setFlag, option);
    configure(reconfigure, null);
  } finally {
    closeSync(context);
  }
  return true;
}
