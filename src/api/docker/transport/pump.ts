import type { Duplex } from 'node:stream';
import type { Log } from '../../../base/index.ts';
import { describeError } from '../../../base/index.ts';
import type { Attachment } from '../../../runtime/types.ts';
import { DetachKeys } from './detach-keys.ts';

export interface PumpOptions {
  readonly log: Log;
  /** Forward the client's bytes to the process; otherwise they are read and dropped, so that its end is noticed. */
  readonly stdin: boolean;
  /** Sequence that detaches; only for terminals. */
  readonly detachKeys: Buffer | undefined;
}

/**
 * Connects a client with a process. The client's half-close ends the process's input and nothing else; the end of the
 * output ends the connection; a client that vanishes is detached, which never stops the process.
 */
export function pump(connection: Duplex, attachment: Attachment, options: PumpOptions): void {
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    attachment.close();
    connection.end();
  };
  const failed = (side: string) => (error: unknown) => {
    options.log.debug({ err: error }, `attach stream: ${side}: ${describeError(error)}`);
    close();
    connection.destroy();
  };
  connection.on('error', failed('client'));
  connection.on('close', close);
  attachment.output.on('error', failed('output'));
  // The process may close its input while the client still sends: the output goes on.
  attachment.input.on('error', (error: unknown) => {
    options.log.debug({ err: error }, `attach stream: input: ${describeError(error)}`);
    connection.unpipe();
    connection.resume();
  });
  attachment.output.pipe(connection);
  attachment.output.on('end', close);
  attachment.output.on('close', close);
  if (!options.stdin) {
    connection.resume();
    return;
  }
  if (options.detachKeys === undefined) {
    connection.pipe(attachment.input);
    return;
  }
  connection.pipe(new DetachKeys(options.detachKeys, close)).pipe(attachment.input);
}
