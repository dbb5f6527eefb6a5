import { closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { conflict, nowNanoseconds } from '../base/index.ts';
import {
  errno,
  hasErrno,
  isSameProcess,
  KernelError,
  reapIfEnded,
  sealedFile,
  socketPair,
  spawnFromDescriptor,
} from '../kernel/index.ts';
import { encodePlan } from './encode.ts';
import { exitRecord, readExitRecord } from './exit-record.ts';
import { type LaunchError, launchError } from './launch-error.ts';
import {
  encodeHello,
  encodeRequest,
  helloKinds,
  type Message,
  MessageReader,
  messageTypes,
} from './monitor-protocol.ts';
import { attachToMonitor, connectToMonitor, streamMask } from './monitor-socket.ts';
import type { LaunchPlan } from './plan.ts';
import type { AttachedClient, Attachment, AttachOptions, ExitRecord, ProcessRecord } from './types.ts';

export { LaunchError } from './launch-error.ts';
export { readExitRecord } from './exit-record.ts';

export interface MonitorPaths {
  readonly socketPath: string;
  readonly exitPath: string;
}

export interface SpawnOptions {
  /** The native program. It is read once and then executed from a sealed copy in memory. */
  readonly binaryPath: string;
  /**
   * Clients that are attached from the first byte on: ends of connected stream sockets (see `socketPair`), which this
   * module does not close. Output waits for them, as for every client that attaches later.
   */
  readonly clients?: readonly AttachedClient[];
}

/** The monitor of a process: it owns the streams, records the exit, and goes on when this daemon ends. */
export interface Monitor {
  readonly monitorPid: number;
  readonly monitorStartTime: string;
  /** Host PID of the process. */
  readonly pid: number;
  readonly startTime: string;
  /** Nanoseconds from the monitor's start to clone3 and to exec, for traces. 0 after a reconnection. */
  readonly timings: { readonly clone: number; readonly exec: number };
  /** Never rejects. When the monitor was killed, the kernel killed the process as well: 137. */
  readonly exited: Promise<ExitRecord>;
  /** The monitor has gone and was reaped; mounts of the process are released. Never rejects. */
  readonly released: Promise<void>;
  attach(options: AttachOptions): Promise<Attachment>;
  resize(rows: number, columns: number): Promise<void>;
  closeStdin(): Promise<void>;
  /** false when the process has ended already. */
  kill(signal: number): Promise<boolean>;
  /** Lets go of the monitor, which goes on. For a daemon that ends and leaves its containers running. */
  disconnect(): void;
}

const programs = new Map<string, Promise<number>>();

/** One sealed copy a program, kept for the daemon's life: processes of it share the pages. */
function sealedProgram(path: string): Promise<number> {
  let program = programs.get(path);
  if (program === undefined) {
    program = readFile(path).then((content) => sealedFile('corten-native', content, true));
    // A failure is the next caller's to try again.
    program.catch(() => programs.delete(path));
    programs.set(path, program);
  }
  return program;
}

/**
 * Carries a plan out. Resolves when exec() succeeded.
 * @throws LaunchError of the operation that failed; nothing of the launch is left then
 */
export async function spawnMonitor(plan: LaunchPlan, options: SpawnOptions): Promise<Monitor> {
  const clients = options.clients ?? [];
  const descriptors = [...plan.descriptors, ...clients.map(({ descriptor }) => descriptor)];
  const bytes = encodePlan(
    { ...plan, descriptors },
    clients.map((client, index) => ({ descriptor: plan.descriptors.length + index, streams: streamMask(client) })),
  );
  const program = await sealedProgram(options.binaryPath);
  const planFile = sealedFile('corten-plan', bytes);
  const [ours, theirs] = socketPair();
  let monitorPid: number;
  try {
    monitorPid = spawnFromDescriptor(program, 'corten-monitor', [planFile, theirs, ...descriptors]);
  } catch (error) {
    closeSync(ours);
    throw error;
  } finally {
    closeSync(planFile);
    closeSync(theirs);
  }
  const connection = new MonitorConnection(new Socket({ fd: ours, allowHalfOpen: true }), plan.monitor, () =>
    reaped(monitorPid),
  );
  const first = await connection.first;
  if (first?.type === messageTypes.started) {
    connection.start(first);
    return connection;
  }
  await connection.released;
  throw failure(plan, first);
}

function failure(plan: LaunchPlan, message: Message | undefined): LaunchError {
  if (message?.type === messageTypes.failed) return launchError(plan, message.a, message.b, message.c);
  return launchError(plan, -1, errno.EPIPE, 0);
}

/**
 * Finds the monitor of a process again after this daemon was restarted.
 * @returns undefined when it has gone; its exit record says how the process ended
 */
export async function reconnectMonitor(record: ProcessRecord, paths: MonitorPaths): Promise<Monitor | undefined> {
  if (!isSameProcess(record.monitorPid, record.monitorStartTime)) return undefined;
  let socket: Socket;
  try {
    socket = await connectToMonitor(paths.socketPath);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ECONNREFUSED', 'ECONNRESET')) return undefined;
    throw error;
  }
  socket.write(encodeHello(helloKinds.control, 0));
  const connection = new MonitorConnection(socket, paths, () => reaped(record.monitorPid));
  const first = await connection.first;
  if (first?.type !== messageTypes.started || first.b !== record.monitorPid) {
    connection.disconnect();
    return undefined;
  }
  connection.start(first);
  return connection;
}

/** Resolves when a monitor that is our child was reaped; at once when it is the child of an earlier daemon's. */
async function reaped(pid: number): Promise<void> {
  // Its sockets close a moment before it can be reaped.
  for (let delay = 1; !reapIfEnded(pid); delay = Math.min(delay * 2, 100)) {
    await new Promise((resolve) => setTimeout(resolve, delay));
  }
}

class MonitorConnection implements Monitor {
  monitorPid = 0;
  monitorStartTime = '';
  pid = 0;
  startTime = '';
  timings = { clone: 0, exec: 0 };
  readonly exited: Promise<ExitRecord>;
  readonly released: Promise<void>;
  /** undefined: the connection ended before any message. */
  readonly first: Promise<Message | undefined>;
  readonly #socket: Socket;
  readonly #paths: MonitorPaths;
  readonly #requests = new Map<number, (errno: number) => void>();
  readonly #exit = Promise.withResolvers<ExitRecord>();
  readonly #release = Promise.withResolvers<undefined>();
  readonly #first = Promise.withResolvers<Message | undefined>();
  #lastRequest = 0;
  #disconnected = false;
  #ended = false;

  constructor(socket: Socket, paths: MonitorPaths, reap: () => Promise<void>) {
    this.#socket = socket;
    this.#paths = paths;
    this.exited = this.#exit.promise;
    this.released = this.#release.promise;
    this.first = this.#first.promise;
    const reader = new MessageReader();
    socket.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk)) this.#receive(message);
    });
    socket.once('end', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#close(reap);
    });
  }

  start(message: Message): void {
    this.pid = message.a;
    this.monitorPid = message.b;
    this.startTime = String(message.wide[0]);
    this.monitorStartTime = String(message.wide[1]);
    this.timings = { clone: Number(message.wide[2]), exec: Number(message.wide[3]) };
  }

  #receive(message: Message): void {
    this.#first.resolve(message);
    if (message.type === messageTypes.exited) {
      this.#ended = true;
      this.#exit.resolve(exitRecord(message.a, message.b, message.c !== 0, message.wide[0]));
    } else if (message.type === messageTypes.reply) {
      this.#requests.get(message.b)?.(message.a);
      this.#requests.delete(message.b);
    }
  }

  #close(reap: () => Promise<void>): void {
    this.#first.resolve(undefined);
    for (const answer of this.#requests.values()) answer(errno.ESRCH);
    this.#requests.clear();
    if (this.#disconnected) return;
    const lost = exitRecord(137, 9, false, nowNanoseconds());
    this.#ended = true;
    this.#exit.resolve(readExitRecord(this.#paths.exitPath) ?? lost);
    reap().then(() => this.#release.resolve(undefined), this.#release.reject);
  }

  attach(options: AttachOptions): Promise<Attachment> {
    return attachToMonitor(this.#paths.socketPath, options);
  }

  async resize(rows: number, columns: number): Promise<void> {
    const result = await this.#request(messageTypes.resize, rows, columns);
    if (result === errno.ENOTTY) throw conflict('no-terminal', 'the process has no terminal');
    // What has ended needs no size.
    if (result !== 0 && result !== errno.ESRCH) throw new KernelError({ call: 'ioctl TIOCSWINSZ', errno: result });
  }

  async closeStdin(): Promise<void> {
    await this.#request(messageTypes.closeStdin);
  }

  async kill(signal: number): Promise<boolean> {
    const result = await this.#request(messageTypes.kill, signal);
    if (result === errno.ESRCH) return false;
    if (result !== 0) throw new KernelError({ call: 'pidfd_send_signal', errno: result, subject: String(signal) });
    return true;
  }

  disconnect(): void {
    this.#disconnected = true;
    this.#socket.destroy();
  }

  /** The request's errno; ESRCH when the monitor has gone. */
  #request(type: number, a = 0, b = 0): Promise<number> {
    if (this.#socket.destroyed || this.#ended) return Promise.resolve(errno.ESRCH);
    this.#lastRequest = (this.#lastRequest + 1) % 0x7fffffff;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#requests.set(this.#lastRequest, resolve);
    this.#socket.write(encodeRequest(type, a, b, this.#lastRequest));
    return promise;
  }
}
