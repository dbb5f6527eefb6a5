import { availableParallelism } from 'node:os';
import { CortenError, conflict, describeError, internal, invalidArgument } from '../base/index.ts';
import type { ResourceLimits } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, publish } from './context.ts';
import { checkResources } from './resource-limits.ts';
import { hasProcess, refuse } from './status.ts';
import type { ContainerUpdate, HostConfiguration } from './types.ts';
import { validateRestartPolicy } from './validate-configuration.ts';

/** The default period of the CFS, over which --cpus is a quota. */
const periodMicroseconds = 100_000;

/** Changes limits and restart policy, of a running container at once. Only what the update names changes. */
export async function updateContainer(
  context: EngineContext,
  entry: ContainerEntry,
  update: ContainerUpdate,
): Promise<{ readonly warnings: readonly string[] }> {
  const { id } = entry;
  return await context.mutex.run(id, async () => {
    const refused = refuse.change(entry.view(), 'update');
    if (refused !== undefined) throw conflict(refused.code, `Cannot update container ${id}: ${refused.message}`);
    const { definition } = entry;
    const { configuration } = definition;
    const { host, warnings } = updatedHost(context, configuration.host, update);
    if (hasProcess(entry.state.status) && entry.process !== undefined) {
      await applyLimits(entry, update);
    }
    await context.step('update: applied');
    entry.redefine({ ...definition, configuration: { ...configuration, host } });
    publish(context, entry, 'update');
    return { warnings };
  });
}

function updatedHost(
  context: EngineContext,
  host: HostConfiguration,
  update: ContainerUpdate,
): { readonly host: HostConfiguration; readonly warnings: readonly string[] } {
  const nanoCpus = update.nanoCpus ?? host.nanoCpus;
  const { limits: resources, warnings } = checkResources(
    { limits: { ...host.resources, ...update.resources }, nanoCpus, hostCpus: availableParallelism() },
    context.limits,
  );
  const restartPolicy = update.restartPolicy ?? host.restartPolicy;
  validateRestartPolicy(restartPolicy);
  if (host.autoRemove && restartPolicy.name !== 'no') {
    throw invalidArgument(
      'restart-policy-with-auto-remove',
      'Restart policy cannot be updated because AutoRemove is enabled for the container',
    );
  }
  return { host: { ...host, resources, nanoCpus, restartPolicy }, warnings };
}

async function applyLimits(entry: ContainerEntry, { resources, nanoCpus }: ContainerUpdate): Promise<void> {
  const limits: ResourceLimits =
    nanoCpus === undefined || nanoCpus === 0
      ? resources
      : {
          ...resources,
          cpuPeriodMicroseconds: periodMicroseconds,
          cpuQuotaMicroseconds: Math.trunc((nanoCpus * periodMicroseconds) / 1e9),
        };
  if (Object.keys(limits).length === 0) return;
  try {
    await entry.process?.updateResources(limits);
  } catch (error) {
    const message = `Cannot update container ${entry.id}: ${describeError(error)}`;
    if (!(error instanceof CortenError)) throw internal('update-failed', message, { cause: error });
    throw new CortenError(error.kind, message, { code: error.code, cause: error });
  }
}
