import type { Readable } from 'node:stream';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { conflict, detach } from '../base/index.ts';
import { close } from '../kernel/index.ts';
import type { AttachedClient, Attachment, AttachOptions } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import { type EngineContext, publish } from './context.ts';
import { allow, hasProcess, refuse } from './status.ts';

/** A client that attached before the start: its other end goes to the monitor, so that it gets the first byte. */
export interface PendingAttachment {
  readonly client: AttachedClient;
  readonly attachment: Attachment;
}

export interface AttachRequest extends AttachOptions {
  /** Replay what was written before. */
  readonly logs: boolean;
  /** Stay for what is written from now on. */
  readonly stream: boolean;
}

/** @param readLogs what was written so far, as frames or raw bytes */
export async function attachContainer(
  context: EngineContext,
  entry: ContainerEntry,
  request: AttachRequest,
  readLogs: () => Promise<Readable>,
): Promise<Attachment> {
  allow(refuse.attach(entry.view()));
  const { openStdin } = entry.definition.configuration;
  const options = { stdin: request.stdin && openStdin, stdout: request.stdout, stderr: request.stderr };
  const live = request.stream ? await connect(context, entry, options) : undefined;
  publish(context, entry, 'attach');
  if (!request.logs) return live ?? nothing();
  const past = await readLogs();
  return live === undefined ? only(past) : followed(context, past, live);
}

function connect(context: EngineContext, entry: ContainerEntry, options: AttachOptions): Promise<Attachment> {
  return context.mutex.run(entry.id, async () => {
    allow(refuse.attach(entry.view()));
    if (hasProcess(entry.state.status)) {
      if (entry.process === undefined) throw conflict('container-not-running', `container ${entry.id} is not running`);
      return await entry.process.attach(options);
    }
    const pending = context.pairAttachment(options);
    entry.pending.add(pending);
    // A client that goes away before the start must not hold its end open.
    pending.attachment.output.once('close', () => {
      if (entry.pending.delete(pending)) close(pending.client.descriptor);
    });
    return pending.attachment;
  });
}

/** Takes the clients that wait for the start; the descriptors are the caller's to close. */
export function takePending(entry: ContainerEntry): readonly AttachedClient[] {
  const clients = [...entry.pending].map(({ client }) => client);
  entry.pending.clear();
  return clients;
}

/** Ends the clients of a container that will not start. */
export function dropPending(entry: ContainerEntry): void {
  for (const pending of entry.pending) {
    close(pending.client.descriptor);
    pending.attachment.close();
  }
  entry.pending.clear();
}

const noInput = (): PassThrough => new PassThrough().resume();

function nothing(): Attachment {
  const output = new PassThrough();
  output.end();
  return only(output);
}

function only(output: Readable): Attachment {
  return { output, input: noInput(), close: () => output.destroy() };
}

/**
 * The past and then the live stream. The connection exists before the past is read: what is written in between may come
 * twice, but nothing is missing.
 */
function followed(context: EngineContext, past: Readable, live: Attachment): Attachment {
  const output = new PassThrough();
  const copy = async (): Promise<void> => {
    for await (const chunk of past) {
      if (!output.write(chunk)) await new Promise((resolve) => output.once('drain', resolve));
    }
    await pipeline(live.output, output);
  };
  const stop = (): void => {
    past.destroy();
    output.destroy();
    live.close();
  };
  output.once('close', stop);
  detach(
    context.log,
    'attach with logs',
    copy().catch((error: unknown) => {
      const gone = output.destroyed;
      stop();
      if (!gone) throw error;
    }),
  );
  return { output, input: live.input, close: stop };
}
