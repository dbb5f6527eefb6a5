import { CortenError, notImplemented } from '../../../base/index.ts';
import { empty, json, route, text, type ApiRequest, type Answer, type Route, written } from '../exchange.ts';
import type { ApiContext } from '../context.ts';
import { parseFilters, type Filters } from '../decode/filters.ts';
import { moment } from '../decode/query.ts';
import { containerSummary } from '../encode/container.ts';
import { eventLine } from '../encode/event.ts';
import { imageSummary } from '../encode/image.ts';
import { infoAnswer, versionAnswer } from '../encode/system.ts';
import { volumeResource } from '../encode/volume.ts';
import { newestVersion, versionText } from '../version.ts';
import { JsonLines } from '../transport/json-lines.ts';
import type { EngineEvent } from '../../../engine/types.ts';

function pingHeaders(request: ApiRequest): void {
  const headers: Readonly<Record<string, string>> = {
    'Api-Version': versionText(newestVersion),
    'Builder-Version': '1',
    'Docker-Experimental': 'false',
    Swarm: 'inactive',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
  };
  for (const [name, value] of Object.entries(headers)) request.response.setHeader(name, value);
}

const eventFilters = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
];

function matchesObject(filters: Filters, kind: EngineEvent['type'], event: EngineEvent): boolean {
  const wanted = filters.values(kind);
  if (wanted.length === 0) return true;
  const { id, attributes } = event.actor;
  if (event.type === kind) {
    return wanted.some(
      (value) => id === value || attributes['name'] === value || (value.length > 0 && id.startsWith(value)),
    );
  }
  // The image of a container's event counts as well.
  const image = attributes['image'];
  return (
    kind === 'image' && image !== undefined && wanted.some((value) => image === value || image.split(':')[0] === value)
  );
}

/** Actions such as "exec_start: sh" match by their first word too, as dockerd has it. */
function matchesEvent(filters: Filters, event: EngineEvent): boolean {
  return (
    filters.any('type', (value) => value === event.type) &&
    filters.any('event', (value) => value === event.action || event.action.split(':')[0] === value) &&
    filters.any('scope', (value) => value === 'local') &&
    filters.labels(event.actor.attributes) &&
    (['container', 'image', 'network', 'volume', 'daemon'] as const).every((kind) =>
      matchesObject(filters, kind, event),
    ) &&
    ['config', 'node', 'plugin', 'secret', 'service'].every((kind) => !filters.has(kind))
  );
}

async function events({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const filters = parseFilters(request.query, eventFilters);
  const subscription = engine.events.subscribe({
    sinceNanoseconds: moment(request.query, 'since'),
    untilNanoseconds: moment(request.query, 'until'),
    signal: request.signal,
  });
  const lines = new JsonLines(request.response);
  const iterator = subscription[Symbol.asyncIterator]();
  // Asked for before the head is sent: whoever has the head misses no event.
  let next = iterator.next();
  lines.begin();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) break;
      if (matchesEvent(filters, value)) lines.writeLine(eventLine(value));
      next = iterator.next();
    }
    lines.end();
  } catch (error) {
    if (!(error instanceof CortenError && error.kind === 'cancelled')) lines.fail(error);
  }
  return written;
}

async function diskUsage({ engine }: ApiContext): Promise<Answer> {
  const usage = await engine.diskUsage();
  const volumes = new Map(engine.volumes.list().map((volume) => [volume.name, volume]));
  return json({
    LayersSize: usage.layersSize,
    Images: usage.images.map(({ image, sharedSize, containers }) => imageSummary(image, { sharedSize, containers })),
    Containers: usage.containers.map(({ container, size }) => containerSummary(engine, container, size)),
    Volumes: usage.volumes.flatMap(({ name, size, references }) => {
      const volume = volumes.get(name);
      return volume === undefined ? [] : [volumeResource(volume, { size, references })];
    }),
    BuildCache: [],
  });
}

export const systemRoutes: readonly Route[] = [
  route('GET', '/_ping', (_context, request) => {
    pingHeaders(request);
    return text('OK');
  }),
  route('HEAD', '/_ping', (_context, request) => {
    pingHeaders(request);
    request.response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    return empty(200);
  }),
  route('GET', '/version', (context) => json(versionAnswer(context))),
  route('GET', '/info', (context) => json(infoAnswer(context))),
  route('GET', '/events', events),
  route('GET', '/system/df', diskUsage),
  route('POST', '/auth', () => {
    throw notImplemented('registry-login-unsupported', 'logging in to a registry is not supported yet');
  }),
];
