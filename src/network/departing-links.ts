import { describeError, detach, type Log } from '../base/index.ts';
import { deleteLink } from '../kernel/route-netlink.ts';

const graceMilliseconds = 250;

/**
 * Links whose container has ended. The kernel removes them with the container's namespace, many at once and in its own
 * time; asking for it takes 15-30 ms each. So they get a moment to go by themselves, and are removed when a process that
 * was left over keeps the namespace alive.
 */
export class DepartingLinks {
  readonly #log: Log;
  readonly #exists: (name: string) => boolean;
  /** Link name by the address that it still answers for. */
  readonly #links = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log, exists: (name: string) => boolean) {
    this.#log = log;
    this.#exists = exists;
  }

  add(name: string, address: string): void {
    this.#links.set(name, address);
    this.#timer ??= setTimeout(() => detach(this.#log, 'removing links', this.flush()), graceMilliseconds).unref();
  }

  /** Whether a link that may still answer ARP requests for the address is there. */
  holds(address: string): boolean {
    for (const [name, held] of this.#links) {
      if (held === address && this.#exists(name)) return true;
    }
    return false;
  }

  /** Removes what is left. Goes on after a failure, which is logged; reconciliation finds the link again. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const name of [...this.#links.keys()]) {
      try {
        if (this.#exists(name)) await deleteLink(name);
      } catch (error) {
        this.#log.warn({ link: name, err: error }, `the link ${name} cannot be removed: ${describeError(error)}`);
      }
      this.#links.delete(name);
    }
  }
}
