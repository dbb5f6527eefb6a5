import { parseTimestamp } from '../base/index.ts';
import type { RunningContainer } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, publish } from './context.ts';
import { HealthProber, healthcheckCommand } from './health.ts';
import { describeError } from '../base/index.ts';

/** Begins to probe a container that has a health check; the prober is stopped when the run ends. */
export function startProber(context: EngineContext, entry: ContainerEntry, process: RunningContainer): void {
  const { configuration, effective } = entry.definition;
  const { healthcheck } = effective;
  if (healthcheck === undefined) return;
  const command = healthcheckCommand(healthcheck.test, configuration.shell);
  if (command === undefined) return;
  const { health } = entry.state;
  const prober = new HealthProber({
    healthcheck,
    startedAtMs: Number((parseTimestamp(entry.state.startedAt) ?? 0n) / 1_000_000n),
    ...(health === undefined || health === 'none' ? {} : { initial: { status: health, ...entry.health } }),
    clock: context.clock,
    run: (signal) => context.execs.probe(entry, process, command, signal),
    report: (state, changed) => {
      entry.setHealth({ failingStreak: state.failingStreak, log: state.log });
      if (!changed) return;
      entry.observe({ health: state.status }, (error) => {
        context.log.error(
          { id: entry.id, err: error },
          `the health of container ${entry.id} is not stored: ${describeError(error)}`,
        );
      });
      publish(context, entry, `health_status: ${state.status}`);
    },
  });
  entry.stopProber = () => prober.stop();
  prober.start();
}
