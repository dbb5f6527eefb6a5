import { type CortenError, conflict, notModified } from '../base/index.ts';
import type { ContainerStatus } from './types.ts';

/** What may happen to a container in a status. One row a status, so that a new status cannot be forgotten. */
interface StatusRules {
  /** It has a process (possibly frozen). */
  readonly hasProcess: boolean;
  readonly canStart: boolean;
  /** Stop and restart: `restarting` has no process, but a start to call off. */
  readonly canStop: boolean;
  readonly canKill: boolean;
  readonly canPause: boolean;
  readonly canExec: boolean;
  /** Without force. */
  readonly canRemove: boolean;
}

const rules: Readonly<Record<ContainerStatus, StatusRules>> = {
  created: row({ canStart: true, canRemove: true }),
  running: row({ hasProcess: true, canStop: true, canKill: true, canPause: true, canExec: true }),
  paused: row({ hasProcess: true, canStop: true, canKill: true }),
  restarting: row({ canStop: true }),
  removing: row({}),
  exited: row({ canStart: true, canRemove: true }),
  dead: row({ canRemove: true }),
};

function row(allowed: Partial<StatusRules>): StatusRules {
  return {
    hasProcess: false,
    canStart: false,
    canStop: false,
    canKill: false,
    canPause: false,
    canExec: false,
    canRemove: false,
    ...allowed,
  };
}

export const hasProcess = (status: ContainerStatus): boolean => rules[status].hasProcess;
export const canStart = (status: ContainerStatus): boolean => rules[status].canStart;
export const canStop = (status: ContainerStatus): boolean => rules[status].canStop;
export const canKill = (status: ContainerStatus): boolean => rules[status].canKill;
export const canPause = (status: ContainerStatus): boolean => rules[status].canPause;
export const canUnpause = (status: ContainerStatus): boolean => status === 'paused';
export const canExec = (status: ContainerStatus): boolean => rules[status].canExec;
export const canRemove = (status: ContainerStatus): boolean => rules[status].canRemove;

/** Not running and not about to run again: what `wait` with not-running answers at once. */
export const isSettled = (status: ContainerStatus): boolean => !rules[status].hasProcess && status !== 'restarting';

export interface Subject {
  readonly id: string;
  readonly name: string;
  readonly state: { readonly status: ContainerStatus };
}

const notRunning = (id: string): string => `container ${id} is not running`;
const isRestarting = (id: string): string => `container ${id} is restarting, wait until the container is running`;

/** The refusals, in Docker's words. Each returns undefined when the operation is allowed. */
export const refuse = {
  start({ state: { status } }: Subject): CortenError | undefined {
    if (canStart(status)) return undefined;
    if (status === 'paused') {
      return conflict('container-paused', 'cannot start a paused container, try unpause instead');
    }
    if (status === 'running' || status === 'restarting') {
      return notModified('already-started', 'container is already started');
    }
    return conflict('container-removing', 'container is marked for removal and cannot be started');
  },
  stop({ state: { status } }: Subject): CortenError | undefined {
    return canStop(status) ? undefined : notModified('already-stopped', 'container is already stopped');
  },
  kill(subject: Subject): CortenError | undefined {
    const { id, name, state } = subject;
    if (canKill(state.status)) return undefined;
    const why = state.status === 'restarting' ? isRestarting(id) : notRunning(id);
    return conflict('container-not-running', `cannot kill container: ${name}: ${why}`);
  },
  pause({ id, state: { status } }: Subject): CortenError | undefined {
    if (canPause(status)) return undefined;
    if (status === 'paused') return conflict('container-paused', `container ${id} is already paused`);
    if (status === 'restarting') return conflict('container-restarting', isRestarting(id));
    return conflict('container-not-running', notRunning(id));
  },
  unpause({ id, state: { status } }: Subject): CortenError | undefined {
    return canUnpause(status) ? undefined : conflict('container-not-paused', `Container ${id} is not paused`);
  },
  exec({ id, state: { status } }: Subject): CortenError | undefined {
    if (canExec(status)) return undefined;
    if (status === 'paused') {
      return conflict('container-paused', `container ${id} is paused, unpause the container before exec`);
    }
    if (status === 'restarting') return conflict('container-restarting', isRestarting(id));
    return conflict('container-not-running', notRunning(id));
  },
  attach({ id, state: { status } }: Subject): CortenError | undefined {
    if (status === 'paused') {
      return conflict('container-paused', `container ${id} is paused, unpause the container before attach`);
    }
    if (status === 'restarting') return conflict('container-restarting', isRestarting(id));
    if (status === 'removing' || status === 'dead') {
      return conflict('container-removing', `container ${id} is marked for removal and cannot be attached to`);
    }
    return undefined;
  },
  resize({ id, state: { status } }: Subject): CortenError | undefined {
    return hasProcess(status) ? undefined : conflict('container-not-running', notRunning(id));
  },
  remove(subject: Subject, force: boolean): CortenError | undefined {
    const { id, name, state } = subject;
    if (state.status === 'removing') {
      return conflict('removal-in-progress', `removal of container ${id} is already in progress`);
    }
    if (force || canRemove(state.status)) return undefined;
    const why =
      state.status === 'paused'
        ? 'container is paused and must be unpaused first'
        : `container is ${state.status}: stop the container before removing or force remove`;
    return conflict('container-running', `cannot remove container "/${name}": ${why}`);
  },
  change({ id, state: { status } }: Subject, what: string): CortenError | undefined {
    if (status !== 'removing' && status !== 'dead') return undefined;
    return conflict('container-removing', `container ${id} is marked for removal and cannot be "${what}"`);
  },
} as const;

/** Throws a refusal. */
export function allow(refusal: CortenError | undefined): void {
  if (refusal !== undefined) throw refusal;
}
