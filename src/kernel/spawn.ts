import { closeSync } from 'node:fs';
import { KernelError } from './kernel-error.ts';
import { libc } from './libc.ts';
import { duplicateAbove } from './process.ts';

const posixSpawn = libc.func(
  'int posix_spawn(_Out_ int *pid, const char *path, const void *actions, const void *attributes, const char **argv, const char **envp)',
);
const initActions = libc.func('int posix_spawn_file_actions_init(void *actions)');
const destroyActions = libc.func('int posix_spawn_file_actions_destroy(void *actions)');
const addDuplicate = libc.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)');
const addOpen = libc.func(
  'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)',
);

/** Larger than posix_spawn_file_actions_t of any C library. */
const actionsBytes = 256;
const O_RDWR = 2;
export const firstPassedDescriptor = 3;

/** posix_spawn and its relatives return the error instead of setting errno. */
function demand(call: string, result: number, subject: string): void {
  if (result !== 0) throw new KernelError({ call, errno: result, subject });
}

/**
 * Starts a program from an open file (a sealed one, so that it has no path). Standard input, output and error are
 * /dev/null; `descriptors` are passed as 3, 4, 5, … in their order. Takes about 0.3 ms of this thread: the process is made
 * by CLONE_VFORK, so the daemon's memory is not copied. The caller reaps it.
 * @returns its PID
 * @throws KernelError of the spawn or of the exec
 */
export function spawnFromDescriptor(program: number, name: string, descriptors: readonly number[]): number {
  const end = firstPassedDescriptor + descriptors.length;
  const actions = Buffer.alloc(actionsBytes);
  const duplicates: number[] = [];
  // The duplications are made one after the other: a source below `end` could be overwritten before its turn.
  const outOfTheWay = (descriptor: number): number => {
    if (descriptor >= end) return descriptor;
    const duplicate = duplicateAbove(descriptor, end);
    duplicates.push(duplicate);
    return duplicate;
  };
  demand('posix_spawn_file_actions_init', initActions(actions), name);
  try {
    for (const target of [0, 1, 2]) {
      demand('posix_spawn_file_actions_addopen', addOpen(actions, target, '/dev/null', O_RDWR, 0), name);
    }
    for (const [index, descriptor] of descriptors.entries()) {
      const source = outOfTheWay(descriptor);
      demand(
        'posix_spawn_file_actions_adddup2',
        addDuplicate(actions, source, firstPassedDescriptor + index),
        `descriptor ${descriptor}`,
      );
    }
    const pid = [0];
    const path = `/proc/self/fd/${outOfTheWay(program)}`;
    demand('posix_spawn', posixSpawn(pid, path, actions, null, [name, null], [null]), name);
    return pid[0] ?? 0;
  } finally {
    destroyActions(actions);
    for (const duplicate of duplicates) closeSync(duplicate);
  }
}
