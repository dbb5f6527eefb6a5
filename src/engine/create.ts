import { randomBytes } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { availableParallelism, hostname as hostHostname } from 'node:os';
import { CortenError, describeError, invalidArgument, now, zeroTimestamp } from '../base/index.ts';
import type { Image } from '../image/types.ts';
import { close, hasErrno } from '../kernel/index.ts';
import { ContainerEntry } from './container-entry.ts';
import { containerDirectory, containerFiles, type EngineContext, publish } from './context.ts';
import { mergeImage } from './merge-image.ts';
import { type PlannedMount, planMounts } from './mount-points.ts';
import { parseName } from './names.ts';
import { portPublications } from './port-publications.ts';
import { checkResources } from './resource-limits.ts';
import { validateSandbox } from './sandbox.ts';
import type { StoredContainer, StoredState } from './store.ts';
import type { ContainerConfiguration, Container, CreateResult, MountPoint } from './types.ts';
import { validateConfiguration } from './validate-configuration.ts';

/** A container of which everything has been decided and checked, and nothing made. */
interface ContainerPlan {
  readonly id: string;
  readonly image: Image;
  readonly configuration: ContainerConfiguration;
  readonly effective: Container['effective'];
  readonly mounts: readonly PlannedMount[];
  readonly warnings: readonly string[];
}

/**
 * Makes a container. Everything that can be wrong is found before anything is written; then comes the writable layer, and last,
 * in one commit, the row. A crash in between leaves a layer without a row, which the next start of the daemon removes.
 */
export async function createContainer(
  context: EngineContext,
  wish: string | undefined,
  request: ContainerConfiguration,
): Promise<CreateResult> {
  if (wish !== undefined && wish !== '') parseName(wish);
  const plan = await planContainer(context, request);
  context.database.requireSpace();
  const { id, image } = plan;
  const name = context.table.reserveName(wish, id);
  const release = context.imageHolds.hold(image.id);
  try {
    await Promise.all([
      context.snapshots.prepare(id, image.id),
      mkdir(containerDirectory(context, id), { recursive: true, mode: 0o710 }),
    ]);
    await context.step('create: prepared');
    const stored = context.store.insert(() => materialise(context, plan, name));
    const entry = new ContainerEntry(context.store, stored, (owner, filesOf) =>
      containerFiles(context, owner, filesOf),
    );
    context.table.add(entry);
  } catch (error) {
    context.table.releaseName(name, id);
    await undoCreate(context, id);
    throw error;
  } finally {
    release();
  }
  const entry = context.table.resolve(id);
  publish(context, entry, 'create');
  await context.step('create: stored');
  await fillVolumes(context, plan, entry);
  return { id, warnings: plan.warnings };
}

async function planContainer(context: EngineContext, request: ContainerConfiguration): Promise<ContainerPlan> {
  const wanted = withDefaults(context, request);
  const warnings = validateConfiguration(wanted);
  const checked = checkResources(
    {
      limits: wanted.host.resources,
      nanoCpus: wanted.host.nanoCpus,
      hostCpus: availableParallelism(),
    },
    context.limits,
  );
  const configuration = { ...wanted, host: { ...wanted.host, resources: checked.limits } };
  const image = context.images.resolve(configuration.image);
  const id = randomBytes(32).toString('hex');
  const effective = mergeImage(id, hostnameFor(context, configuration), configuration, image.defaults);
  portPublications(configuration, effective.exposedPorts);
  validateSandbox(configuration);
  const mounts = planMounts(configuration, effective, (reference) => volumesOf(context, reference));
  for (const mount of mounts) await checkBindSource(mount);
  return { id, image, configuration, effective, mounts, warnings: [...warnings, ...checked.warnings] };
}

/** The daemon's log options stand for those that a container does not set. */
function withDefaults({ settings }: EngineContext, configuration: ContainerConfiguration): ContainerConfiguration {
  const { log } = configuration.host;
  const defaults = settings().log;
  if (log.driver !== defaults.driver) return configuration;
  const options = { ...defaults.options, ...log.options };
  return { ...configuration, host: { ...configuration.host, log: { ...log, options } } };
}

function hostnameFor({ table }: EngineContext, { hostname, host }: ContainerConfiguration): string {
  if (hostname !== '') return hostname;
  if (host.networkMode === 'host' || host.utsMode === 'host') return hostHostname();
  if (!host.networkMode.startsWith('container:')) return '';
  // A container that is to be joined may be made later: then this one has a name of its own.
  try {
    return table.resolve(host.networkMode.slice('container:'.length)).definition.effective.hostname;
  } catch {
    return '';
  }
}

function volumesOf({ table }: EngineContext, reference: string): readonly MountPoint[] {
  try {
    return table.resolve(reference).definition.mounts;
  } catch (error) {
    if (!(error instanceof CortenError) || error.kind !== 'not-found') throw error;
    // Not "not found": to clients of a create that means the image, which they would try to pull.
    throw invalidArgument('volumes-from-not-found', error.message, { cause: error });
  }
}

async function checkBindSource({ point, createSource }: PlannedMount): Promise<void> {
  if (point.type !== 'bind' || createSource) return;
  try {
    await stat(point.source);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw invalidArgument(
      'bind-source-missing',
      `invalid mount config for type "bind": bind source path does not exist: ${point.source}`,
    );
  }
}

const freshState: StoredState = {
  status: 'created',
  exitCode: 0,
  error: '',
  oomKilled: false,
  startedAt: zeroTimestamp,
  finishedAt: zeroTimestamp,
  restartCount: 0,
  manuallyStopped: false,
  removeVolumes: false,
};

/** Makes the volumes. Runs inside the transaction that inserts the container. */
function materialise(context: EngineContext, plan: ContainerPlan, name: string): StoredContainer {
  const anonymousVolumes: string[] = [];
  const mounts = plan.mounts.map(({ point, volume: wanted }): MountPoint => {
    if (wanted === undefined) return point;
    const volume = context.volumes.create({
      labels: wanted.labels,
      ...(wanted.name === undefined ? {} : { name: wanted.name }),
    });
    if (wanted.name === undefined) anonymousVolumes.push(volume.name);
    return { ...point, name: volume.name, source: volume.mountpoint };
  });
  const { id, image, configuration, effective } = plan;
  const definition = { created: now(), imageId: image.id, configuration, effective, mounts, anonymousVolumes };
  return { id, name, definition, state: freshState };
}

/** Never stops at the first error; what stays is removed when the daemon starts the next time. */
async function undoCreate(context: EngineContext, id: string): Promise<void> {
  const results = await Promise.allSettled([
    context.snapshots.remove(id),
    rm(containerDirectory(context, id), { recursive: true, force: true }),
  ]);
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    context.log.warn({ id, err: result.reason }, `a failed create left files: ${describeError(result.reason)}`);
  }
}

/** Gives empty volumes the content that the image has at their targets. */
async function fillVolumes(context: EngineContext, plan: ContainerPlan, entry: ContainerEntry): Promise<void> {
  const copies = plan.mounts.filter(({ volume }) => volume?.copy === true);
  if (copies.length === 0) return;
  const root = context.snapshots.openMerged(plan.id);
  try {
    for (const { point } of copies) {
      const mount = entry.definition.mounts.find(({ target }) => target === point.target);
      if (mount?.name === undefined) continue;
      await context.volumes.copyUp(root, point.target, context.volumes.resolve(mount.name));
    }
  } finally {
    close(root);
  }
}
