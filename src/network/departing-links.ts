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
  readonly #links = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log, exists: (name: string) => boolean) {
    this.#log = log;
    this.#exists = exists;
  }

  add(name: string): void {
    this.#links.add(name);
    this.#timer ??= setTimeout(() => detach(this.#log, 'removing links', this.flush()), graceMilliseconds).unref();
  }

  /** Removes what is left. Goes on after a failure, which is logged; reconciliation finds the link again. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const name of [...this.#links]) {
      try {
        if (this.#exists(name)) await deleteLink(name);
      } catch (error) {
        this.#log.warn({ link: name, err: error }, `the link ${name} cannot be removed: ${describeError(error)}`);
      }
      this.#links.delete(name);
    }
  }
}
