import type { Container, ContainerSize, Engine } from '../../../engine/types.ts';
import type { ApiContext } from '../context.ts';
import { containerConfiguration } from '../decode/container-configuration.ts';
import { updateFields } from '../decode/field-tables.ts';
import { fields, isZero } from '../decode/fields.ts';
import { parseFilters } from '../decode/filters.ts';
import { restartPolicy } from '../decode/host-configuration.ts';
import { flag, integer, text } from '../decode/query.ts';
import { nanoCpus, resourceLimits } from '../decode/resources.ts';
import { containerInspect, containerSummary } from '../encode/container.ts';
import { type Answer, type ApiRequest, empty, json, type Route, route, stream } from '../exchange.ts';
import { containerListFilters, pruneTest, selectContainers } from './container-filters.ts';
import { invalidArgument } from '../../../base/index.ts';

const idOf = (request: ApiRequest): string => request.params['id'] ?? '';

async function sized(engine: Engine, container: Container, wanted: boolean): Promise<ContainerSize | undefined> {
  return wanted ? await engine.containers.size(container.id) : undefined;
}

async function list({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const containers = selectContainers(engine, request.query, parseFilters(request.query, containerListFilters));
  if (!flag(request.query, 'size')) {
    return json(containers.map((container) => containerSummary(engine, container, undefined)));
  }
  const sizes = await Promise.all(containers.map(async ({ id }) => await engine.containers.size(id)));
  return json(containers.map((container, index) => containerSummary(engine, container, sizes[index])));
}

async function create({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const configuration = containerConfiguration(await request.json());
  checkPlatform(engine, text(request.query, 'platform'));
  const name = text(request.query, 'name').replace(/^\//, '');
  const { id, warnings } = await engine.containers.create(name === '' ? undefined : name, configuration);
  return json({ Id: id, Warnings: warnings }, 201);
}

/** The host's own platform is the only one that can run. */
function checkPlatform(engine: Engine, platform: string): void {
  if (platform === '') return;
  const [os = '', architecture] = platform.toLowerCase().split('/');
  const own = engine.information().architecture;
  const accepted = own === 'x86_64' ? ['amd64', 'x86_64', 'x86-64'] : own === 'aarch64' ? ['arm64', 'aarch64'] : [own];
  if (os === 'linux' && (architecture === undefined || accepted.includes(architecture))) return;
  if (architecture === undefined && accepted.includes(os)) return;
  throw invalidArgument(
    'unsupported-platform',
    `image platform ${platform} cannot run on this host (linux/${accepted[0] ?? own})`,
  );
}

async function inspect({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const container = engine.containers.resolve(idOf(request));
  return json(containerInspect(engine, container, await sized(engine, container, flag(request.query, 'size'))));
}

async function top({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const { titles, processes } = await engine.containers.top(idOf(request), text(request.query, 'ps_args') || '-ef');
  return json({ Titles: titles, Processes: processes });
}

async function changes({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const changed = await engine.containers.changes(idOf(request));
  return json(changed.length === 0 ? null : changed.map(({ path, kind }) => ({ Path: path, Kind: kind })));
}

async function update({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const given = fields(await request.json(), 'UpdateConfig', updateFields);
  const cpus = nanoCpus(given, 'UpdateConfig');
  const { warnings } = await engine.containers.update(idOf(request), {
    resources: resourceLimits(given, 'UpdateConfig'),
    restartPolicy: isZero(given['RestartPolicy']) ? undefined : restartPolicy(given['RestartPolicy'], 'RestartPolicy'),
    nanoCpus: cpus === 0 ? undefined : cpus,
  });
  return json({ Warnings: warnings });
}

/** `t` may be negative: wait for ever. */
function stopOptions(request: ApiRequest): { timeoutSeconds: number | undefined; signal: string | undefined } {
  return { timeoutSeconds: integer(request.query, 't'), signal: text(request.query, 'signal') || undefined };
}

async function remove({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  await engine.containers.remove(idOf(request), {
    force: flag(request.query, 'force'),
    volumes: flag(request.query, 'v'),
    link: flag(request.query, 'link'),
  });
  return empty();
}

async function prune({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const test = pruneTest(parseFilters(request.query, ['until', 'label', 'label!']));
  const { removed, spaceReclaimed } = await engine.containers.prune(({ created, effective }) =>
    test({ created, labels: effective.labels }),
  );
  return json({ ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: spaceReclaimed });
}

async function resize({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const { rows, columns } = terminalSize(request);
  await engine.containers.resize(idOf(request), rows, columns);
  return empty(200);
}

export function terminalSize(request: ApiRequest): { readonly rows: number; readonly columns: number } {
  const range = { minimum: 0, maximum: 65535 };
  const rows = integer(request.query, 'h', range);
  const columns = integer(request.query, 'w', range);
  if (rows === undefined || columns === undefined) {
    throw invalidArgument('invalid-parameter', 'invalid resize: h and w must be given');
  }
  return { rows, columns };
}

type Act = (engine: Engine, id: string, request: ApiRequest) => Promise<unknown>;

/** A verb without a body whose answer is empty. */
const verb = (name: string, act: Act): Route =>
  route('POST', `/containers/:id/${name}`, async ({ engine }, request) => {
    await act(engine, idOf(request), request);
    return empty();
  });

export const containerRoutes: readonly Route[] = [
  route('GET', '/containers/json', list),
  route('POST', '/containers/create', create),
  route('GET', '/containers/:id/json', inspect),
  route('GET', '/containers/:id/top', top),
  route('GET', '/containers/:id/changes', changes),
  route('GET', '/containers/:id/export', async ({ engine }, request) =>
    stream(await engine.containers.export(idOf(request)), 'application/octet-stream'),
  ),
  route('POST', '/containers/:id/resize', resize),
  verb('start', async (engine, id) => await engine.containers.start(id)),
  verb('stop', async (engine, id, request) => await engine.containers.stop(id, stopOptions(request))),
  verb('restart', async (engine, id, request) => await engine.containers.restart(id, stopOptions(request))),
  verb(
    'kill',
    async (engine, id, request) => await engine.containers.kill(id, text(request.query, 'signal') || 'SIGKILL'),
  ),
  verb('pause', async (engine, id) => await engine.containers.pause(id)),
  verb('unpause', async (engine, id) => await engine.containers.unpause(id)),
  verb(
    'rename',
    async (engine, id, request) => await engine.containers.rename(id, text(request.query, 'name').replace(/^\//, '')),
  ),
  route('POST', '/containers/:id/update', update),
  route('DELETE', '/containers/:id', remove),
  route('POST', '/containers/prune', prune),
];
