import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { notFound } from '../../../base/index.ts';
import type { ApiContext } from '../context.ts';
import type { Query } from '../decode/query.ts';
import { answerOfError, errorBody, errorCodeHeader } from '../errors.ts';
import type { HijackRequest, HijackRoute } from '../exchange.ts';
import { attachWebsocket, hijackRoutes, websocketRoute } from '../routes/index.ts';
import type { ApiVersion } from '../version.ts';
import { type HijackableConnection, streamHead, takeOver, upgradedConnection } from './hijack.ts';
import { HttpExchange } from './respond.ts';
import { WebsocketRefused, websocketStream } from './websocket.ts';

export interface RoutedStream {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly version: ApiVersion;
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
}

const upgradePatterns = [...hijackRoutes, websocketRoute].map(({ method, path }) => ({
  method,
  pattern: pathPattern(path),
}));

/** Whether `Upgrade` is honoured here; elsewhere it is an ordinary request, as HTTP allows. */
export function isStreamRoute(method: string | undefined, path: string): boolean {
  return upgradePatterns.some((route) => route.method === method && route.pattern.test(path));
}

/** An ordinary answer on a connection that Node's HTTP server has let go of. */
function answerBare(socket: Duplex, status: string, headers: Readonly<Record<string, string>>, body: string): void {
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close' });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n${body}`);
  // What the client still sends is dropped; the connection closes with its end.
  socket.resume();
}

function answerError(socket: Duplex, error: unknown): void {
  const answer = answerOfError(error);
  answerBare(
    socket,
    `${answer.status} ${answer.status < 500 ? 'Refused' : 'Failed'}`,
    { 'Content-Type': 'application/json', [errorCodeHeader]: answer.code },
    errorBody(answer),
  );
}

function hijackRequest(connection: HijackableConnection, routed: RoutedStream, begun: () => void): HijackRequest {
  return {
    ...routed,
    json: async () => await connection.json(),
    accept(contentType) {
      begun();
      connection.socket.write(streamHead(contentType, connection.upgraded));
      return connection.socket;
    },
    finish() {
      begun();
      answerBare(connection.socket, '200 OK', {}, '');
    },
  };
}

/** Serves a stream route on a connection that asked for `Upgrade`. Never rejects. */
export async function serveUpgrade(
  context: ApiContext,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  path: string,
  routed: Omit<RoutedStream, 'params'>,
): Promise<void> {
  const failed = (error: unknown): void => {
    context.log.debug({ err: error }, 'connection failed before it became a stream');
    socket.destroy();
  };
  socket.on('error', failed);
  let begun = false;
  try {
    if (request.headers.upgrade?.toLowerCase() === 'websocket') {
      const params = pathPattern(websocketRoute.path).exec(path)?.groups;
      if (params === undefined) throw notFound('page-not-found', 'page not found');
      await attachWebsocket(context, { ...routed, params }, () => {
        begun = true;
        return websocketStream(request, socket, head);
      });
      return;
    }
    const route = hijackRoutes.find((candidate) => pathPattern(candidate.path).test(path));
    if (route === undefined) throw notFound('page-not-found', 'page not found');
    const params = { ...pathPattern(route.path).exec(path)?.groups };
    const connection = upgradedConnection(request, socket, head);
    await route.hijack(
      context,
      hijackRequest(connection, { ...routed, params }, () => {
        begun = true;
        socket.off('error', failed);
      }),
    );
  } catch (error) {
    if (error instanceof WebsocketRefused) return;
    if (begun) failed(error);
    else answerError(socket, error);
  }
}

/** Serves a stream route for a client that did not ask for `Upgrade`: 200 and the bare connection. */
export async function serveWithoutUpgrade(
  context: ApiContext,
  route: HijackRoute,
  request: IncomingMessage,
  response: ServerResponse,
  routed: RoutedStream,
): Promise<void> {
  const exchange = new HttpExchange(request, response, routed);
  await route.hijack(context, {
    ...routed,
    json: async () => await exchange.json(),
    accept(contentType) {
      const socket = takeOver(request, response);
      socket.write(streamHead(contentType, false));
      return socket;
    },
    finish() {
      response.writeHead(200, { 'Content-Length': 0 });
      response.end();
    },
  });
}
