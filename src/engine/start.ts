import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CortenError, describeError, internal, invalidArgument, now, zeroTimestamp } from '../base/index.ts';
import { close, hasErrno } from '../kernel/index.ts';
import type { PreparedNamespace } from '../network/types.ts';
import type { RunningContainer } from '../runtime/types.ts';
import { dropPending, takePending } from './attach.ts';
import type { ContainerEntry } from './container-entry.ts';
import { writeContainerFiles } from './container-files.ts';
import { containerDirectory, type EngineContext, publish } from './context.ts';
import { followExit } from './exit.ts';
import { startProber } from './health-check.ts';
import { joinedContainers, launchRequest, ociConfiguration } from './launch-request.ts';
import { publishConnect } from './network-events.ts';
import { rephrase } from './launch-error.ts';
import { portPublications } from './port-publications.ts';
import { finishRemoval } from './remove.ts';
import { allow, refuse } from './status.ts';
import { PhaseTrace } from './trace.ts';
import { hasOwnNetwork } from './validate-configuration.ts';

/** Exit codes that Docker gives to a container whose command never ran. */
const exitCodes: ReadonlyMap<string, number> = new Map([
  ['command-not-found', 127],
  ['command-not-executable', 126],
]);
const exitCodeOtherwise = 128;

/** Starts a container on a user's wish: what policies remembered of earlier runs is forgotten. */
export async function startContainer(context: EngineContext, entry: ContainerEntry): Promise<void> {
  await context.mutex.run(entry.id, async () => {
    allow(refuse.start(entry.view()));
    entry.backoff.reset();
    await run(context, entry, 0);
  });
}

/** A restart by policy, unless somebody called it off in the meantime. */
export async function restartAutomatically(context: EngineContext, entry: ContainerEntry): Promise<void> {
  await context.mutex.run(entry.id, async () => {
    if (entry.state.status !== 'restarting') return;
    await run(context, entry, entry.state.restartCount);
  });
}

/** What was opened for a start, to be closed when the monitor has its own copies, or the start failed. */
class Opened {
  readonly #descriptors: number[] = [];

  add(...descriptors: readonly number[]): void {
    this.#descriptors.push(...descriptors);
  }

  closeAll(): void {
    for (const descriptor of this.#descriptors.splice(0)) close(descriptor);
  }
}

/**
 * One start, in the container's mutex. Nothing is stored before the process runs: the kernel's own objects (state directory, cgroup,
 * network namespace, recorded addresses) are the intent, and the daemon's next start removes those that no row owns. So a
 * start costs one commit, its outcome.
 */
async function run(context: EngineContext, entry: ContainerEntry, restartCount: number): Promise<void> {
  const trace = new PhaseTrace();
  const opened = new Opened();
  const attempt: { network?: PreparedNamespace | undefined; process?: RunningContainer } = {};
  try {
    await trace.measure('previous run released', async () => entry.release?.all);
    attempt.network = await trace.measure('network', () => prepareNetwork(context, entry, opened));
    entry.process = attempt.process = await launch(context, entry, attempt.network, opened, trace);
    await context.step('start: launched');
    recordStart(entry, attempt.process, attempt.network, restartCount);
  } catch (error) {
    opened.closeAll();
    entry.process = undefined;
    await failStart(context, entry, attempt.process, error);
    throw error;
  }
  await context.step('start: stored');
  opened.closeAll();
  entry.trace = trace.result();
  if (attempt.network?.endpoint !== undefined) publishConnect(context, entry.id, attempt.network.endpoint);
  publish(context, entry, 'start');
  startProber(context, entry, attempt.process);
  followExit(context, entry, attempt.process);
}

async function prepareNetwork(
  context: EngineContext,
  { id, definition }: ContainerEntry,
  opened: Opened,
): Promise<PreparedNamespace | undefined> {
  const { configuration, effective } = definition;
  const { host } = configuration;
  if (!hasOwnNetwork(configuration) && !configuration.networkDisabled) return undefined;
  const mode = host.networkMode === 'default' || host.networkMode === '' ? 'bridge' : host.networkMode;
  const prepared = await context.networks.prepare({
    containerId: id,
    network: configuration.networkDisabled ? 'none' : mode,
    publications: portPublications(configuration, effective.exposedPorts),
    ...(host.macAddress === '' ? {} : { macAddress: host.macAddress }),
  });
  opened.add(prepared.descriptor, ...prepared.heldDescriptors, ...prepared.relays.map(({ listener }) => listener));
  return prepared;
}

async function launch(
  context: EngineContext,
  entry: ContainerEntry,
  network: PreparedNamespace | undefined,
  opened: Opened,
  trace: PhaseTrace,
): Promise<RunningContainer> {
  const { id } = entry;
  const filesOf = joinedContainers(context, entry).network?.id;
  if (filesOf !== entry.state.filesOf) entry.change({ filesOf });
  // It is there, unless somebody removed it: that costs the log, not the container.
  await mkdir(containerDirectory(context, id), { recursive: true, mode: 0o710 });
  await allowRemount(context, entry);
  const configuration = await trace.measure('configuration', async () =>
    ociConfiguration(context, context.rootFiles, entry),
  );
  await trace.measure('files', () =>
    Promise.all([
      ensureBindSources(entry),
      filesOf === undefined ? writeContainerFiles(context, entry.view(), network?.endpoint) : undefined,
      // For exec after a restart of the daemon, and for people. A crash of the daemon leaves it whole or the start undone.
      writeFile(join(containerDirectory(context, id), 'config.json'), JSON.stringify(configuration)),
    ]),
  );
  await context.step('start: prepared');
  const attachments = takePending(entry);
  opened.add(...attachments.map(({ descriptor }) => descriptor));
  const request = launchRequest(context, entry, configuration, {
    network,
    attachments,
    trace: (phase, milliseconds) => trace.ended(`runtime: ${phase}`, milliseconds),
  });
  try {
    return await trace.measure('launch', () => context.runtime.launch(request));
  } catch (error) {
    throw launchError(error);
  }
}

/** In the words that Docker's clients look for. */
function launchError(error: unknown): CortenError {
  const prefix = 'failed to create task for container';
  if (!(error instanceof CortenError)) {
    return internal('launch-failed', `${prefix}: ${describeError(error)}`, { cause: error });
  }
  return rephrase(error, `${prefix}: ${error.message}`);
}

/** -v makes a directory of a source that is missing; a mount with type=bind wants it to be there. */
async function ensureBindSources({ definition }: ContainerEntry): Promise<void> {
  const { mounts, configuration } = definition;
  for (const { type, source, target } of mounts) {
    if (type !== 'bind') continue;
    try {
      await stat(source);
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      const request = configuration.host.mounts.find((mount) => mount.type === 'bind' && mount.target === target);
      if (request?.type === 'bind' && !request.createSource) {
        throw invalidArgument(
          'bind-source-missing',
          `invalid mount config for type "bind": bind source path does not exist: ${source}`,
        );
      }
      await mkdir(source, { recursive: true, mode: 0o755 });
    }
  }
}

/**
 * overlayfs marks the work directory of a volatile mount and refuses to mount it again, since a crash of the host could have
 * lost data. The daemon saw the last run end in an orderly way, so the mark can go. It is there also after a start that was
 * never recorded, because the daemon was killed in the middle of it.
 */
async function allowRemount(context: EngineContext, { id, definition }: ContainerEntry): Promise<void> {
  if (!definition.configuration.host.autoRemove) return;
  const root = context.snapshots.root(id);
  if (root.kind === 'overlay') await rm(join(root.work, 'work/incompat'), { recursive: true, force: true });
}

function recordStart(
  entry: ContainerEntry,
  process: RunningContainer,
  network: PreparedNamespace | undefined,
  restartCount: number,
): void {
  const checked = entry.definition.effective.healthcheck;
  const health = checked === undefined || checked.test[0] === 'NONE' ? undefined : 'starting';
  entry.setHealth({ failingStreak: 0, log: [] });
  entry.change({
    status: 'running',
    exitCode: 0,
    error: '',
    oomKilled: false,
    startedAt: now(),
    finishedAt: zeroTimestamp,
    restartCount,
    manuallyStopped: false,
    health,
    process: process.record,
    endpoint: network?.endpoint,
  });
}

/** Takes back what a failed start made, and records why it failed. The error is the caller's to throw. */
async function failStart(
  context: EngineContext,
  entry: ContainerEntry,
  process: RunningContainer | undefined,
  error: unknown,
): Promise<void> {
  const { id, state } = entry;
  const report = (failure: unknown): void => {
    context.log.error({ id, err: failure }, `undoing the start of container ${id} failed: ${describeError(failure)}`);
  };
  dropPending(entry);
  // It runs, but that could not be stored: a container that nobody knows of must not stay.
  if (process !== undefined) await process.killAll().then(() => process.released, report);
  await context.networks.release(id).catch(report);
  const { autoRemove } = entry.definition.configuration.host;
  const exitCode = exitCodes.get(error instanceof CortenError ? error.code : '') ?? exitCodeOtherwise;
  const message = error instanceof CortenError ? error.message : describeError(error);
  const outcome = autoRemove ? 'removing' : state.startedAt === zeroTimestamp ? 'created' : 'exited';
  entry.observe({ status: outcome, exitCode, error: message, ...(autoRemove ? { removeVolumes: true } : {}) }, report);
  entry.waiters.exited({ exitCode, error: undefined });
  if (autoRemove) await finishRemoval(context, entry).catch(report);
}
