import { closeSync, constants, openSync } from 'node:fs';
import { check, libc } from './libc.ts';

const unshare = libc.func('int unshare(int flags)');
const setns = libc.func('int setns(int fd, int type)');

const CLONE_NEWNET = 0x40000000;
/**
 * Of the calling thread: unshare and setns act on threads, and a worker may be the caller. The thread pool stays in the
 * host's namespace, because none of its threads is made while a synchronous call is in another one.
 */
const ownNamespacePath = '/proc/thread-self/ns/net';

let hostNamespace: number | undefined;

function hostNamespaceDescriptor(): number {
  hostNamespace ??= openSync(ownNamespacePath, constants.O_RDONLY);
  return hostNamespace;
}

function returnToHost(): void {
  if (setns(hostNamespaceDescriptor(), CLONE_NEWNET) === 0) return;
  // Going on would make every later socket of this daemon in a container's network.
  process.stderr.write('fatal: cannot return to the network namespace of the host\n');
  process.abort();
}

/**
 * Makes a network namespace (about 0.5 ms).
 * @returns an open, close-on-exec descriptor; the namespace lives as long as it or a process in it
 */
export function createNetworkNamespace(): number {
  return setUpNetworkNamespace(() => undefined).descriptor;
}

/** Makes a network namespace and runs `setUp` in it, synchronously, before it is handed out. */
export function setUpNetworkNamespace<T>(setUp: () => T): { readonly descriptor: number; readonly result: T } {
  hostNamespaceDescriptor();
  check('unshare', unshare(CLONE_NEWNET), 'network namespace', 'ENOSPC is the limit user.max_net_namespaces');
  let descriptor: number | undefined;
  try {
    // openSync runs on this thread, unlike its asynchronous sisters.
    descriptor = openSync(ownNamespacePath, constants.O_RDONLY);
    return { descriptor, result: setUp() };
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw error;
  } finally {
    returnToHost();
  }
}

/**
 * Runs `work` in the network namespace of `descriptor`, and is back in the host's before it returns. `work` must be
 * synchronous: setns acts on this thread, and whatever else ran on it meanwhile would be in the wrong namespace.
 */
export function withNetworkNamespace<T>(descriptor: number, work: () => T): T {
  hostNamespaceDescriptor();
  check('setns', setns(descriptor, CLONE_NEWNET), 'network namespace');
  try {
    const result = work();
    if (result instanceof Promise) throw new TypeError('work in a network namespace must be synchronous');
    return result;
  } finally {
    returnToHost();
  }
}

/** Opens the network namespace of a process, close-on-exec. ENOENT when it has ended. */
export function openNetworkNamespace(pid: number): number {
  return openSync(`/proc/${pid}/ns/net`, constants.O_RDONLY);
}
