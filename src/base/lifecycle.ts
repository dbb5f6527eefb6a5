import { describeError } from './errors.ts';

/** A part of the daemon that is started once, and stopped once in reverse order of starting. */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  /** Idempotent. Containers survive it: stopping a service never stops what it manages. */
  stop(): Promise<void>;
}

/** Starts services in order; when one fails, stops those already started and rethrows. */
export async function startAll(services: readonly Service[]): Promise<() => Promise<void>> {
  const started: Service[] = [];
  const stop = async (): Promise<void> => {
    const failures: string[] = [];
    // Teardown goes on after an error: a service that cannot stop must not keep the others up.
    for (const service of started.splice(0).toReversed()) {
      try {
        await service.stop();
      } catch (error) {
        failures.push(`${service.name}: ${describeError(error)}`);
      }
    }
    if (failures.length > 0) throw new Error(`stopping failed for ${failures.join('; ')}`);
  };
  for (const service of services) {
    try {
      await service.start();
      started.push(service);
    } catch (error) {
      await stop().catch((stopError: unknown) => {
        throw new Error(describeError(stopError), { cause: error });
      });
      throw error;
    }
  }
  return stop;
}
