import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { invalidArgument } from '../../../base/index.ts';
import { maximumJsonBytes, parseJson, tooLarge } from '../decode/body.ts';

/**
 * A connection that leaves HTTP. Two ways lead here: `Upgrade: tcp`, where Node's parser stops after the head and the
 * body is still to be read from the connection; and, for older clients, a plain request whose connection is taken over after
 * its body was read.
 */
export interface HijackableConnection {
  readonly socket: Duplex;
  readonly upgraded: boolean;
  json(): Promise<unknown>;
}

/** Takes exactly `length` bytes off the connection; what follows them stays in it. */
async function readExactly(socket: Duplex, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let missing = length;
  while (missing > 0) {
    const chunk: unknown = socket.read(Math.min(missing, Math.max(1, socket.readableLength)));
    if (Buffer.isBuffer(chunk)) {
      chunks.push(chunk);
      missing -= chunk.length;
      continue;
    }
    if (socket.readableEnded || socket.destroyed) {
      throw invalidArgument('body-too-short', 'invalid JSON: the connection ended within the request body');
    }
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        for (const event of ['readable', 'end', 'close', 'error']) socket.off(event, wake);
        resolve();
      };
      for (const event of ['readable', 'end', 'close', 'error']) socket.on(event, wake);
    });
  }
  return Buffer.concat(chunks);
}

/** A connection after Node's `upgrade` event; `head` is what was read past the request's head. */
export function upgradedConnection(request: IncomingMessage, socket: Duplex, head: Buffer): HijackableConnection {
  if (head.length > 0) socket.unshift(head);
  return {
    socket,
    upgraded: true,
    async json() {
      if (request.headers['transfer-encoding'] !== undefined) {
        throw invalidArgument(
          'unsupported-transfer-encoding',
          'a request that asks for an upgrade must give its body a Content-Length',
        );
      }
      const length = Number(request.headers['content-length'] ?? '0');
      if (!Number.isSafeInteger(length) || length < 0) {
        throw invalidArgument('invalid-content-length', 'invalid Content-Length');
      }
      if (length > maximumJsonBytes) tooLarge();
      return parseJson(await readExactly(socket, length));
    },
  };
}

/**
 * Takes the connection of an ordinary request away from Node's HTTP server, as Go's Hijack does: what the client sends from
 * now on is the stream. The request's body must have been read, or the parser would still be owed bytes.
 */
export function takeOver(request: IncomingMessage, response: ServerResponse): Duplex {
  const { socket } = request;
  response.detachSocket(socket);
  // A listener for data makes the HTTP server give the handle back from its native parser; its own listeners must then go,
  // or they would parse the stream as a next request and close the connection at a half-close.
  const giveBack = (): void => undefined;
  socket.on('data', giveBack);
  socket.pause();
  for (const event of ['data', 'end', 'error', 'timeout'] as const) socket.removeAllListeners(event);
  socket.setTimeout(0);
  return socket;
}

/** The head that turns an HTTP connection into a stream, as dockerd writes it. */
export function streamHead(contentType: string, upgraded: boolean): string {
  return upgraded
    ? `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`
    : `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\n\r\n`;
}
