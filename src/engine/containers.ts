import type { Readable } from 'node:stream';
import { CortenError, conflict } from '../base/index.ts';
import type { Attachment, AttachOptions, RunningContainer } from '../runtime/types.ts';
import { attachContainer } from './attach.ts';
import { ownChanges } from './changes.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, publish } from './context.ts';
import { createContainer } from './create.ts';
import { explainContainer } from './explain.ts';
import { exportContainer } from './export.ts';
import { killContainer } from './kill.ts';
import { readLogs } from './logs.ts';
import { pauseContainer, unpauseContainer } from './pause.ts';
import { pruneContainers, removeContainer, removeDamaged } from './remove.ts';
import { renameContainer } from './rename.ts';
import { startContainer } from './start.ts';
import { containerStatistics } from './statistics.ts';
import { allow, isSettled, refuse } from './status.ts';
import { restartContainer, stopContainer, type StopOptions } from './stop.ts';
import { topContainer } from './top.ts';
import type {
  Container,
  ContainerConfiguration,
  ContainerEngine,
  ContainerExplanation,
  ContainerFilter,
  ContainerSize,
  ContainerStatistics,
  ContainerUpdate,
  CreateResult,
  LaunchTrace,
  LogOptions,
  WaitCondition,
} from './types.ts';
import { updateContainer } from './update.ts';

/** The engine's operations by reference: finds the container and hands over to the file that knows how. */
export class Containers implements ContainerEngine {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  #find(reference: string): ContainerEntry {
    return this.#context.table.resolve(reference);
  }

  #running(reference: string): { readonly entry: ContainerEntry; readonly process: RunningContainer } {
    const entry = this.#find(reference);
    const { process } = entry;
    if (process === undefined) throw conflict('container-not-running', `container ${entry.id} is not running`);
    return { entry, process };
  }

  list(): readonly Container[] {
    return this.#context.table.list().map((entry) => entry.view());
  }

  resolve(reference: string): Container {
    return this.#find(reference).view();
  }

  async size(id: string): Promise<ContainerSize> {
    const { definition } = this.#find(id);
    const writable = await this.#context.snapshots.usage(this.#find(id).id);
    return { writable, root: writable + this.#imageSize(definition.imageId) };
  }

  /** 0 for an image that was removed by force: its layers are no longer counted. */
  #imageSize(imageId: string): number {
    try {
      return this.#context.images.resolve(imageId).size;
    } catch (error) {
      if (error instanceof CortenError && error.kind === 'not-found') return 0;
      throw error;
    }
  }

  create(name: string | undefined, configuration: ContainerConfiguration): Promise<CreateResult> {
    return createContainer(this.#context, name, configuration);
  }

  async start(reference: string): Promise<void> {
    await startContainer(this.#context, this.#find(reference));
  }

  async stop(reference: string, options: StopOptions): Promise<void> {
    await stopContainer(this.#context, this.#find(reference), options);
  }

  async restart(reference: string, options: StopOptions): Promise<void> {
    await restartContainer(this.#context, this.#find(reference), options);
  }

  async kill(reference: string, signal: string): Promise<void> {
    await killContainer(this.#context, this.#find(reference), reference, signal);
  }

  async pause(reference: string): Promise<void> {
    await pauseContainer(this.#context, this.#find(reference));
  }

  async unpause(reference: string): Promise<void> {
    await unpauseContainer(this.#context, this.#find(reference));
  }

  async rename(reference: string, name: string): Promise<void> {
    await renameContainer(this.#context, this.#find(reference), name);
  }

  async update(reference: string, update: ContainerUpdate): Promise<{ readonly warnings: readonly string[] }> {
    return await updateContainer(this.#context, this.#find(reference), update);
  }

  /** `link` is accepted for Docker's sake; there are no links, so there is nothing to remove. */
  async remove(
    reference: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void> {
    const damaged = options.force ? this.#context.table.findDamaged(reference) : undefined;
    if (damaged !== undefined) await removeDamaged(this.#context, damaged.id);
    else await removeContainer(this.#context, this.#find(reference), options);
  }

  prune(matches: ContainerFilter): Promise<{ readonly removed: readonly string[]; readonly spaceReclaimed: number }> {
    return pruneContainers(this.#context, matches);
  }

  wait(
    reference: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): { readonly exited: Promise<{ readonly exitCode: number; readonly error: string | undefined }> } {
    const { state, waiters } = this.#find(reference);
    if (condition === 'not-running' && isSettled(state.status)) {
      return { exited: Promise.resolve({ exitCode: state.exitCode, error: undefined }) };
    }
    return { exited: waiters.wait(condition, signal) };
  }

  async attach(
    reference: string,
    options: AttachOptions & { readonly logs: boolean; readonly stream: boolean },
  ): Promise<Attachment> {
    const entry = this.#find(reference);
    const { stdout, stderr } = options;
    const past = { stdout, stderr, follow: false, timestamps: false, details: false } as const;
    return await attachContainer(this.#context, entry, options, () =>
      this.#readLogs(
        entry,
        { ...past, tail: undefined, sinceNanoseconds: undefined, untilNanoseconds: undefined },
        new AbortController().signal,
      ),
    );
  }

  async resize(reference: string, rows: number, columns: number): Promise<void> {
    const entry = this.#find(reference);
    allow(refuse.resize(entry.view()));
    await this.#running(reference).process.resize(rows, columns);
    publish(this.#context, entry, 'resize', { height: String(rows), width: String(columns) });
  }

  async logs(reference: string, options: LogOptions, signal: AbortSignal): Promise<Readable> {
    return await this.#readLogs(this.#find(reference), options, signal);
  }

  async #readLogs(entry: ContainerEntry, options: LogOptions, signal: AbortSignal): Promise<Readable> {
    const { configuration } = entry.definition;
    const ended = entry.process?.exited.then(() => undefined) ?? Promise.resolve();
    return await readLogs({
      path: entry.view().files.log,
      driver: configuration.host.log.driver,
      tty: configuration.tty,
      options,
      ended,
      signal,
      log: this.#context.log,
    });
  }

  async top(
    reference: string,
    psArguments: string,
  ): Promise<{ readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] }> {
    const { entry, process } = this.#running(reference);
    const table = await topContainer(await process.processes(), psArguments);
    publish(this.#context, entry, 'top');
    return table;
  }

  async statistics(reference: string): Promise<ContainerStatistics> {
    const { process } = this.#find(reference);
    return await containerStatistics(this.#context.networks, process, this.#context.cgroups.version);
  }

  async changes(reference: string): Promise<Awaited<ReturnType<ContainerEngine['changes']>>> {
    const entry = this.#find(reference);
    return ownChanges(await this.#context.snapshots.changes(entry.id), entry.view());
  }

  async export(reference: string): Promise<Readable> {
    const entry = this.#find(reference);
    const archive = exportContainer(this.#context, entry.view());
    publish(this.#context, entry, 'export');
    return archive;
  }

  async explain(reference: string, path: string | undefined): Promise<ContainerExplanation> {
    const { snapshots, networks, cgroups, table } = this.#context;
    const entry = this.#find(reference);
    const running = (): readonly { readonly name: string; readonly pid: number }[] =>
      table
        .list()
        .flatMap(({ name, state }) => (state.process === undefined ? [] : [{ name, pid: state.process.pid }]));
    const dependencies = { snapshots, networks, cgroups, running };
    return await explainContainer(dependencies, entry.view(), entry.state.process?.cgroupPath, path);
  }

  trace(reference: string): LaunchTrace {
    return this.#find(reference).trace;
  }
}
