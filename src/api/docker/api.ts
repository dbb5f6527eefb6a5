import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import fastify, { type FastifyInstance } from 'fastify';
import { invalidArgument, notFound } from '../../base/index.ts';
import type { ApiContext } from './context.ts';
import type { Query } from './decode/query.ts';
import { sendError } from './errors.ts';
import type { Answer } from './exchange.ts';
import { hijackRoutes, routes, websocketRoute } from './routes/index.ts';
import { shimResponse } from './shims.ts';
import { type RoutedUrl, routeUrl } from './transport/front-door.ts';
import { bind, type Listener, type ListenTarget } from './transport/listen.ts';
import { HttpExchange, respond } from './transport/respond.ts';
import { isStreamRoute, serveUpgrade, serveWithoutUpgrade } from './transport/streams.ts';
import { newestVersion, versionText } from './version.ts';

export interface DockerApi {
  /** Answers at one more place. @throws unavailable `listen-failed` */
  listen(target: ListenTarget): Promise<Listener>;
}

/** Go's limit for a request's head; dockerode repeats a whole create request in the query. */
const maximumHeadBytes = 1024 * 1024;

/** What was split off a request's URL before it was routed. */
const routedUrls = new WeakMap<IncomingMessage, RoutedUrl>();

function parseQuery(search: string): Query {
  const query: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(search)) {
    const existing = query[name];
    if (existing === undefined) query[name] = value;
    else if (typeof existing === 'string') query[name] = [existing, value];
    else existing.push(value);
  }
  return query;
}

function buildRouter(context: ApiContext): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 4096, querystringParser: parseQuery },
  });
  // Bodies are read by those who want one, JSON with a limit and archives without.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const versionOf = (request: IncomingMessage): number => routedUrls.get(request)?.version ?? newestVersion;

  for (const { method, path, handle } of routes) {
    const name = `${method} ${path}`;
    app.route({
      method,
      url: path,
      async handler(request, reply) {
        reply.hijack();
        const version = versionOf(request.raw);
        const exchange = new HttpExchange(request.raw, reply.raw, {
          params: request.params as Readonly<Record<string, string>>,
          query: request.query as Query,
          version,
        });
        try {
          const answer: Answer = await handle(context, exchange);
          const shimmed =
            answer.kind === 'json' ? { ...answer, value: shimResponse(name, version, answer.value) } : answer;
          respond(reply.raw, shimmed, context.log);
        } catch (error) {
          logFailure(context, name, error);
          sendError(reply.raw, error);
        }
      },
    });
  }
  for (const route of hijackRoutes) {
    app.route({
      method: route.method,
      url: route.path,
      async handler(request, reply) {
        reply.hijack();
        try {
          await serveWithoutUpgrade(context, route, request.raw, reply.raw, {
            params: request.params as Readonly<Record<string, string>>,
            query: request.query as Query,
            version: versionOf(request.raw),
          });
        } catch (error) {
          logFailure(context, `${route.method} ${route.path}`, error);
          sendError(reply.raw, error);
        }
      },
    });
  }
  app.get(websocketRoute.path, (_request, reply) => {
    reply.hijack();
    sendError(reply.raw, invalidArgument('websocket-expected', 'this route speaks WebSocket: ask for an upgrade'));
  });
  app.setNotFoundHandler((_request, reply) => {
    reply.hijack();
    sendError(reply.raw, notFound('page-not-found', 'page not found'));
  });
  app.setErrorHandler((error, _request, reply) => {
    reply.hijack();
    sendError(reply.raw, badRequest(error));
  });
  return app;
}

/** What fastify itself refuses is the request's fault: a malformed URL, an unknown method. */
function badRequest(error: unknown): Error {
  return invalidArgument('invalid-request', error instanceof Error ? error.message : String(error));
}

function logFailure(context: ApiContext, route: string, error: unknown): void {
  const known = error instanceof Error && 'kind' in error && error.kind !== 'internal';
  if (known) context.log.debug({ err: error }, `${route} was refused`);
  else context.log.error({ err: error }, `${route} failed`);
}

/** Docker's clients read these off any answer. */
function setCommonHeaders(context: ApiContext, response: ServerResponse): void {
  response.setHeader('Api-Version', versionText(newestVersion));
  response.setHeader('Docker-Experimental', 'false');
  response.setHeader('Ostype', 'linux');
  response.setHeader('Server', `Corten/${context.product.version} (linux)`);
}

/**
 * The Docker Engine API over an engine. Translation only: it keeps no state but open connections.
 * fastify routes; Node's HTTP servers listen, so that one API answers at several places.
 */
export function createDockerApi(context: ApiContext): DockerApi {
  const router = buildRouter(context);
  const ready = router.ready();

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    setCommonHeaders(context, response);
    const started = performance.now();
    const { method, url } = request;
    if (context.debug()) {
      response.once('close', () => {
        const milliseconds = Math.round((performance.now() - started) * 100) / 100;
        context.log.debug({ method, url, status: response.statusCode, milliseconds }, 'request');
      });
    }
    try {
      const routed = routeUrl(url ?? '/');
      routedUrls.set(request, routed);
      request.url = routed.url;
      router.routing(request, response);
    } catch (error) {
      sendError(response, error);
    }
  };

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { url, path, version } = routeUrl(request.url ?? '/');
    const query = parseQuery(url.slice(path.length));
    if (context.debug()) context.log.debug({ method: request.method, url: request.url }, 'upgrade');
    // Never rejects: what fails is answered or logged there.
    void serveUpgrade(context, request, socket, head, path, { query, version });
  };

  return {
    async listen(target) {
      await ready;
      const server = makeServer(target);
      const connections = new Set<Duplex>();
      server.on('connection', (socket: Duplex) => {
        connections.add(socket);
        socket.once('close', () => connections.delete(socket));
      });
      server.on('request', handle);
      server.on('upgrade', upgrade);
      const address = await bind(server, target);
      let closing: Promise<void> | undefined;
      return {
        address,
        close() {
          closing ??= closeServer(server, connections);
          return closing;
        },
      };
    },
  };
}

function shouldUpgrade(request: IncomingMessage): boolean {
  try {
    return isStreamRoute(request.method, routeUrl(request.url ?? '/').path);
  } catch {
    // A version that we do not speak: refused as an ordinary request.
    return false;
  }
}

function makeServer(target: ListenTarget): Server {
  const options = {
    maxHeaderSize: maximumHeadBytes,
    // Go's server has no limit for a whole request: an image may take long to arrive.
    requestTimeout: 0,
    keepAliveTimeout: 0,
    requireHostHeader: false,
    shouldUpgradeCallback: shouldUpgrade,
  };
  if (target.kind !== 'tcp' || target.tls === undefined) return http.createServer(options);
  const { key, certificate, clientAuthority } = target.tls;
  return https.createServer({
    ...options,
    key,
    cert: certificate,
    minVersion: 'TLSv1.2',
    ...(clientAuthority === undefined ? {} : { ca: clientAuthority, requestCert: true, rejectUnauthorized: true }),
  });
}

/** Streams of containers never end by themselves: they are cut, the containers stay. */
async function closeServer(server: Server, connections: ReadonlySet<Duplex>): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const connection of connections) connection.destroy();
  await closed;
}
