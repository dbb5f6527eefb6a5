import { closeSync, constants, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { conflict } from '../base/index.ts';
import { clientStreams, encodeHello, helloBytes, helloKinds } from './monitor-protocol.ts';
import type { Attachment, AttachOptions } from './types.ts';

/** The length of sun_path in struct sockaddr_un, less its NUL. */
const maximumSocketPath = 107;

/** Connects to a monitor's socket. Rejects with ENOENT or ECONNREFUSED when it is gone. */
export async function connectToMonitor(socketPath: string): Promise<Socket> {
  const directory =
    Buffer.byteLength(socketPath) > maximumSocketPath
      ? openSync(dirname(socketPath), constants.O_RDONLY | constants.O_DIRECTORY)
      : undefined;
  const path = directory === undefined ? socketPath : `/proc/self/fd/${directory}/${basename(socketPath)}`;
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const socket = connect({ path, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(socket);
      });
    });
  } finally {
    if (directory !== undefined) closeSync(directory);
  }
}

export function streamMask({ stdin, stdout, stderr }: AttachOptions): number {
  return (
    (stdin ? clientStreams.stdin : 0) |
    (stdout ? clientStreams.stdout : 0) |
    (stderr ? clientStreams.stderr : 0) |
    clientStreams.foreground
  );
}

/** Attaches to a running process: what it writes after this resolved is received. */
export async function attachToMonitor(socketPath: string, options: AttachOptions): Promise<Attachment> {
  let socket: Socket;
  try {
    socket = await connectToMonitor(socketPath);
  } catch (error) {
    throw conflict('process-ended', 'the process has ended', { cause: error });
  }
  socket.write(encodeHello(helloKinds.attach, streamMask(options)));
  await acknowledged(socket);
  return attachmentOf(socket);
}

/** Both directions of a connected socket. */
export function attachmentOf(socket: Socket): Attachment {
  // The monitor closes after the last output; then there is nobody to write to either.
  socket.once('end', () => socket.end());
  // EPIPE and ECONNRESET of an input that nobody reads any more: the end of the output says so as well.
  socket.on('error', () => undefined);
  return { output: socket, input: socket, close: () => socket.destroy() };
}

/** Reads the greeting that comes back, and not a byte more. */
function acknowledged(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      socket.removeListener('readable', read);
      socket.removeListener('end', ended);
      socket.removeListener('error', ended);
      if (error === undefined) {
        resolve();
        return;
      }
      socket.destroy();
      reject(error);
    };
    const read = (): void => {
      const greeting: unknown = socket.read(helloBytes);
      if (greeting !== null) finish();
    };
    const ended = (): void => finish(conflict('process-ended', 'the process has ended'));
    socket.on('readable', read);
    socket.once('end', ended);
    socket.on('error', ended);
  });
}
