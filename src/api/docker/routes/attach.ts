import type { Duplex, Readable } from 'node:stream';
import type { Attachment } from '../../../runtime/types.ts';
import type { ApiContext } from '../context.ts';
import { execStart } from '../decode/exec-configuration.ts';
import { flag, text } from '../decode/query.ts';
import { answerOfError } from '../errors.ts';
import type { HijackRequest, HijackRoute } from '../exchange.ts';
import { parseDetachKeys } from '../transport/detach-keys.ts';
import { pump } from '../transport/pump.ts';
import { Unframe } from '../transport/websocket.ts';
import { outputType } from './stream-types.ts';

/** POST /containers/{id}/attach */
async function attachContainer({ engine, log }: ApiContext, request: HijackRequest): Promise<void> {
  const { query } = request;
  const container = engine.containers.resolve(request.params['id'] ?? '');
  const { tty } = container.configuration;
  const stdin = flag(query, 'stdin');
  const keys = parseDetachKeys(text(query, 'detachKeys'));
  // The body says nothing, but it precedes the stream and must not become input.
  await request.json();
  const attachment = await engine.containers.attach(container.id, {
    stdin,
    stdout: flag(query, 'stdout'),
    stderr: flag(query, 'stderr'),
    logs: flag(query, 'logs'),
    stream: flag(query, 'stream'),
  });
  const connection = request.accept(outputType(tty, request.version));
  pump(connection, attachment, { log, stdin, detachKeys: tty ? keys : undefined });
}

/** Standard output's frame. */
function frame(data: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head[0] = 1;
  head.writeUInt32BE(data.length, 4);
  return Buffer.concat([head, data]);
}

/** POST /exec/{id}/start */
async function startExec({ engine, log }: ApiContext, request: HijackRequest): Promise<void> {
  const exec = engine.execs.resolve(request.params['id'] ?? '');
  const start = execStart(await request.json());
  if (start.detach) {
    await engine.execs.startDetached(exec.id);
    request.finish();
    return;
  }
  const { attachStdin, detachKeys, tty } = exec.configuration;
  const keys = parseDetachKeys(detachKeys);
  const type = outputType(tty, request.version);
  const { attachment, started } = engine.execs.startAttached(exec.id, start.consoleSize);
  // The head goes out before the process can print: a client that reads both in one piece may take the output for its own
  // parser's (docker-py does). So a process that cannot start is told in the stream; docker's client prints that and takes
  // the exit code, 126 or 127, from the exec.
  const connection = request.accept(type);
  connection.on('error', (error) => log.debug({ err: error }, 'exec stream failed before its process ran'));
  try {
    await started;
  } catch (error) {
    log.debug({ err: error }, 'exec did not start');
    const message = Buffer.from(`${answerOfError(error).message}\r\n`);
    connection.end(tty ? message : frame(message));
    return;
  }
  if (connection.destroyed) attachment.close();
  else pump(connection, attachment, { log, stdin: attachStdin, detachKeys: tty ? keys : undefined });
}

export const hijackRoutes: readonly HijackRoute[] = [
  { method: 'POST', path: '/containers/:id/attach', hijack: attachContainer },
  { method: 'POST', path: '/exec/:id/start', hijack: startExec },
];

export const websocketRoute = { method: 'GET', path: '/containers/:id/attach/ws' } as const;

/** GET /containers/{id}/attach/ws: `open` completes the handshake; failures before it are ordinary answers. */
export async function attachWebsocket(
  { engine, log }: ApiContext,
  request: Pick<HijackRequest, 'params' | 'query' | 'version'>,
  open: () => Duplex,
): Promise<void> {
  const { query } = request;
  const container = engine.containers.resolve(request.params['id'] ?? '');
  const { tty } = container.configuration;
  const stdin = flag(query, 'stdin');
  const keys = parseDetachKeys(text(query, 'detachKeys'));
  const attachment = await engine.containers.attach(container.id, {
    stdin,
    stdout: flag(query, 'stdout'),
    stderr: flag(query, 'stderr'),
    logs: flag(query, 'logs'),
    stream: flag(query, 'stream'),
  });
  try {
    const bare = tty ? attachment : { ...attachment, output: unframed(attachment) };
    pump(open(), bare, { log, stdin, detachKeys: tty ? keys : undefined });
  } catch (error) {
    attachment.close();
    throw error;
  }
}

function unframed(attachment: Attachment): Readable {
  const bare = new Unframe();
  attachment.output.on('error', (error: Error) => bare.destroy(error));
  attachment.output.on('close', () => bare.end());
  return attachment.output.pipe(bare);
}
