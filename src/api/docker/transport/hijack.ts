import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { readRequestJson } from '../decode/body.ts';

/**
 * A connection that leaves HTTP. Two ways lead here: `Upgrade: tcp`, where Node hands the connection over by itself; and, for
 * older clients, a plain request whose connection is taken over after its body was read.
 */
export interface HijackableConnection {
  readonly socket: Duplex;
  readonly upgraded: boolean;
  json(): Promise<unknown>;
}

/**
 * A connection after Node's `upgrade` event. `head` is what was read past the request; the body itself, which docker's
 * client sends with the upgrade, still comes out of the request (since Node 24.9 with shouldUpgradeCallback).
 */
export function upgradedConnection(request: IncomingMessage, socket: Duplex, head: Buffer): HijackableConnection {
  if (head.length > 0) socket.unshift(head);
  return {
    socket,
    upgraded: true,
    json: async () => await readRequestJson(request),
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
