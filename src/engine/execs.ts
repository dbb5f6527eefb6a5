import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { conflict, CortenError, describeError, detach, internal, invalidArgument, notFound } from '../base/index.ts';
import { close } from '../kernel/index.ts';
import type { Attachment, ContainerProcess, RunningContainer } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type AttachmentPair, type EngineContext, publish } from './context.ts';
import { rephrase } from './launch-error.ts';
import { launchExec } from './exec-process.ts';
import { collectOutput } from './exec-output.ts';
import { allow, hasProcess, refuse } from './status.ts';
import { sigkill } from './signals.ts';
import { storedConfiguration } from './stored-configuration.ts';
import type { Exec, ExecConfiguration, ExecEngine } from './types.ts';
import { maximumProbeOutputBytes, type ProbeResult } from './health.ts';

/** How long an exec that ended can still be inspected. */
const retentionMilliseconds = 5 * 60_000;

type ExecStatus = 'created' | 'starting' | 'running' | 'exited';

interface ExecEntry {
  readonly id: string;
  readonly container: ContainerEntry;
  readonly configuration: ExecConfiguration;
  status: ExecStatus;
  exitCode: number | undefined;
  process: ContainerProcess | undefined;
  forget: (() => void) | undefined;
}

/** Processes that are added to running containers. They live in memory: none outlives the daemon's knowledge of it. */
export class Execs implements ExecEngine {
  readonly #context: EngineContext;
  readonly #execs = new Map<string, ExecEntry>();

  constructor(context: EngineContext) {
    this.#context = context;
  }

  create(containerReference: string, configuration: ExecConfiguration): Exec {
    const container = this.#context.table.resolve(containerReference);
    allow(refuse.exec(container.view()));
    if (configuration.command.length === 0 || configuration.command[0] === '') {
      throw invalidArgument('no-command', 'No exec command specified');
    }
    if (configuration.workingDirectory !== '' && !configuration.workingDirectory.startsWith('/')) {
      throw invalidArgument(
        'relative-working-directory',
        `Cwd must be an absolute path: ${configuration.workingDirectory}`,
      );
    }
    const exec = this.#add(container, configuration);
    return viewOf(exec);
  }

  #add(container: ContainerEntry, configuration: ExecConfiguration): ExecEntry {
    const exec: ExecEntry = {
      id: randomBytes(32).toString('hex'),
      container,
      configuration,
      status: 'created',
      exitCode: undefined,
      process: undefined,
      forget: undefined,
    };
    this.#execs.set(exec.id, exec);
    container.addExec(exec.id);
    publish(this.#context, container, `exec_create: ${configuration.command.join(' ')}`, { execID: exec.id });
    return exec;
  }

  resolve(id: string): Exec {
    return viewOf(this.#find(id));
  }

  #find(id: string): ExecEntry {
    const exec = this.#execs.get(id);
    if (exec === undefined) throw notFound('exec-not-found', `No such exec instance: ${id}`);
    return exec;
  }

  async startDetached(id: string): Promise<void> {
    await this.#start(this.#find(id), undefined, undefined);
  }

  startAttached(
    id: string,
    consoleSize: readonly [number, number] | undefined,
  ): { readonly attachment: Attachment; readonly started: Promise<void> } {
    const exec = this.#find(id);
    const { attachStdin, attachStdout, attachStderr } = exec.configuration;
    this.#checkStartable(exec);
    const pair = this.#context.pairAttachment({ stdin: attachStdin, stdout: attachStdout, stderr: attachStderr });
    const starting = this.#start(exec, pair, consoleSize).finally(() => close(pair.client.descriptor));
    return {
      attachment: endAfter(
        pair.attachment,
        starting.then(
          (process) => process.exited,
          () => undefined,
        ),
      ),
      started: starting.then(
        () => undefined,
        (error: unknown) => {
          pair.attachment.close();
          throw error;
        },
      ),
    };
  }

  #checkStartable(exec: ExecEntry): RunningContainer {
    const { container, id, status } = exec;
    if (status === 'exited') throw conflict('exec-ended', `Error: Exec command ${id} has already run`);
    if (status !== 'created') throw conflict('exec-running', `Error: Exec command ${id} is already running`);
    allow(refuse.exec(container.view()));
    if (container.process === undefined) {
      throw conflict('container-not-running', `container ${container.id} is not running`);
    }
    return container.process;
  }

  async #start(
    exec: ExecEntry,
    pair: AttachmentPair | undefined,
    consoleSize: readonly [number, number] | undefined,
  ): Promise<ContainerProcess> {
    const running = this.#checkStartable(exec);
    const { container, id, configuration } = exec;
    exec.status = 'starting';
    publish(this.#context, container, `exec_start: ${configuration.command.join(' ')}`, { execID: id });
    try {
      const oci = await storedConfiguration(this.#context, container);
      const process = await launchExec(this.#context, container, running, oci, {
        exec: consoleSize === undefined ? configuration : { ...configuration, consoleSize },
        attachments: pair === undefined ? [] : [pair.client],
      });
      exec.process = process;
      exec.status = 'running';
      detach(
        this.#context.log,
        `following exec ${id}`,
        process.exited.then(({ exitCode }) => this.#ended(exec, exitCode)),
      );
      return process;
    } catch (error) {
      const code = error instanceof CortenError ? error.code : '';
      this.#ended(exec, code === 'command-not-found' ? 127 : 126);
      throw execError(error);
    }
  }

  #ended(exec: ExecEntry, exitCode: number): void {
    exec.status = 'exited';
    exec.exitCode = exitCode;
    const { container, id } = exec;
    publish(this.#context, container, 'exec_die', { execID: id, exitCode: String(exitCode) });
    container.removeExec(id);
    exec.forget = this.#context.clock.after(retentionMilliseconds, () => {
      this.#execs.delete(id);
    });
  }

  async resize(id: string, rows: number, columns: number): Promise<void> {
    const { process, status } = this.#find(id);
    if (status !== 'running' || process === undefined) {
      throw conflict('exec-not-running', `exec ${id} is not running`);
    }
    await process.resize(rows, columns);
  }

  /** Runs the command of a health check and collects what it prints. A signal that aborts kills it. */
  async probe(
    container: ContainerEntry,
    running: RunningContainer,
    command: readonly string[],
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    if (container.process !== running)
      throw conflict('container-not-running', `container ${container.id} is not running`);
    const exec = this.#add(container, {
      command,
      user: '',
      env: [],
      workingDirectory: '',
      tty: false,
      attachStdin: false,
      attachStdout: true,
      attachStderr: true,
      privileged: false,
      detachKeys: '',
      consoleSize: [0, 0],
    });
    const { attachment, started } = this.startAttached(exec.id, undefined);
    await started;
    const { process } = exec;
    if (process === undefined) throw internal('exec-not-running', 'the health check did not start');
    const kill = (): void => {
      this.#context.background(`killing a health check of container ${container.id}`, process.kill(sigkill));
    };
    if (signal.aborted) kill();
    signal.addEventListener('abort', kill, { once: true });
    try {
      const output = await collectOutput(attachment, maximumProbeOutputBytes + 1);
      return { exitCode: (await process.exited).exitCode, output };
    } finally {
      signal.removeEventListener('abort', kill);
      attachment.close();
      // Nobody asks for a probe's exec by id: a container that is probed for months must not collect them.
      exec.forget?.();
      this.#execs.delete(exec.id);
    }
  }

  /** The container is gone, and its execs with it. */
  forget(containerId: string): void {
    for (const exec of this.#execs.values()) {
      if (exec.container.id !== containerId) continue;
      exec.forget?.();
      this.#execs.delete(exec.id);
    }
  }

  stop(): void {
    for (const exec of this.#execs.values()) exec.forget?.();
  }
}

/**
 * Clients read the exit code as soon as the stream ends, so it ends only when the code is known. (A stream whose process was
 * lost with its monitor ends too.)
 */
function endAfter(attachment: Attachment, exited: Promise<unknown>): Attachment {
  const { output, input } = attachment;
  const delayed = new PassThrough();
  output.pipe(delayed, { end: false });
  output.once('end', () => {
    exited.then(
      () => delayed.end(),
      () => delayed.end(),
    );
  });
  output.once('error', (error) => delayed.destroy(error));
  delayed.once('close', () => attachment.close());
  return { output: delayed, input, close: () => delayed.destroy() };
}

function viewOf({ id, container, configuration, status, exitCode, process }: ExecEntry): Exec {
  return {
    id,
    containerId: container.id,
    configuration,
    running: status === 'running' && hasProcess(container.state.status),
    exitCode,
    pid: process?.record.pid ?? 0,
  };
}

function execError(error: unknown): CortenError {
  const prefix = 'OCI runtime exec failed: exec failed';
  if (!(error instanceof CortenError)) {
    return internal('exec-failed', `${prefix}: ${describeError(error)}`, { cause: error });
  }
  return rephrase(error, `${prefix}: ${error.message}`);
}
