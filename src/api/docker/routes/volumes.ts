import type { Volume } from '../../../volume/types.ts';
import type { ApiContext } from '../context.ts';
import { volumeCreateFields } from '../decode/field-tables.ts';
import { fields, string, stringMap } from '../decode/fields.ts';
import { parseFilters } from '../decode/filters.ts';
import { volumeDriver } from '../decode/mounts.ts';
import { flag } from '../decode/query.ts';
import { volumeResource } from '../encode/volume.ts';
import { type Answer, type ApiRequest, empty, json, type Route, route } from '../exchange.ts';

const nameOf = (request: ApiRequest): string => request.params['name'] ?? '';

function list({ engine }: ApiContext, request: ApiRequest): Answer {
  const filters = parseFilters(request.query, ['dangling', 'driver', 'label', 'label!', 'name']);
  const dangling = filters.flag('dangling');
  const used = dangling === undefined ? undefined : usedVolumes(engine.containers.list());
  const chosen = engine.volumes
    .list()
    .filter(
      (volume) =>
        filters.any('name', (value) => volume.name.includes(value)) &&
        filters.any('driver', (value) => volume.driver === value) &&
        filters.labels(volume.labels) &&
        (used === undefined || used.has(volume.name) !== dangling),
    );
  return json({ Volumes: chosen.map((volume) => volumeResource(volume)), Warnings: null });
}

function usedVolumes(containers: ReturnType<ApiContext['engine']['containers']['list']>): ReadonlySet<string> {
  return new Set(containers.flatMap(({ mounts }) => mounts.flatMap(({ name }) => (name === undefined ? [] : [name]))));
}

async function create({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const path = 'VolumeConfig';
  const given = fields(await request.json(), path, volumeCreateFields);
  volumeDriver(string(given['Driver'], `${path}.Driver`));
  const name = string(given['Name'], `${path}.Name`);
  const volume = engine.volumes.create({
    ...(name === '' ? {} : { name }),
    labels: stringMap(given['Labels'], `${path}.Labels`),
    options: stringMap(given['DriverOpts'], `${path}.DriverOpts`),
  });
  return json(volumeResource(volume), 201);
}

async function remove({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  await engine.volumes.remove(nameOf(request), { force: flag(request.query, 'force') });
  return empty();
}

async function prune({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const filters = parseFilters(request.query, ['all', 'label', 'label!']);
  const { removed, spaceReclaimed } = await engine.volumes.prune({
    // Before 1.42 a prune took named volumes too.
    all: request.version < 42 || (filters.flag('all') ?? false),
    matches: (volume: Volume) => filters.labels(volume.labels),
  });
  return json({ VolumesDeleted: removed, SpaceReclaimed: spaceReclaimed });
}

export const volumeRoutes: readonly Route[] = [
  route('GET', '/volumes', list),
  route('POST', '/volumes/create', create),
  route('GET', '/volumes/:name', ({ engine }, request) =>
    json(volumeResource(engine.volumes.resolve(nameOf(request)))),
  ),
  route('DELETE', '/volumes/:name', remove),
  route('POST', '/volumes/prune', prune),
];
