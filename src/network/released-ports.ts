import type { PortPublication, PublishedPort } from './types.ts';

/** Longer than a monitor lives after its process: it may be busy unmounting for most of a second. */
const lingerMilliseconds = 3_000;

/**
 * Ports that a container gave back a moment ago. Its monitor may still hold the sockets that reserve them, so that "in use" is
 * no final answer yet.
 */
export class ReleasedPorts {
  /** When the port was released, by protocol and number; milliseconds of performance.now(). */
  readonly #since = new Map<string, number>();

  add(ports: readonly PublishedPort[]): void {
    const now = performance.now();
    for (const [key, since] of this.#since) {
      if (now - since > lingerMilliseconds) this.#since.delete(key);
    }
    for (const port of ports) this.#since.set(keyOf(port.protocol, port.hostPort), now);
  }

  /** Somebody has them now. */
  remove(ports: readonly PublishedPort[]): void {
    for (const port of ports) this.#since.delete(keyOf(port.protocol, port.hostPort));
  }

  /** Whether one of the wanted ports may become free by waiting. */
  mayFree(publications: readonly PortPublication[]): boolean {
    const oldest = performance.now() - lingerMilliseconds;
    return publications.some(({ protocol, hostPortFirst, hostPortLast }) => {
      for (let port = hostPortFirst; port <= hostPortLast; port += 1) {
        if ((this.#since.get(keyOf(protocol, port)) ?? -Infinity) > oldest) return true;
      }
      return false;
    });
  }
}

const keyOf = (protocol: string, port: number): string => `${protocol}/${port}`;
