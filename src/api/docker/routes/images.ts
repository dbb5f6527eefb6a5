import { invalidArgument, notImplemented } from '../../../base/index.ts';
import type { Image } from '../../../image/types.ts';
import type { ApiContext } from '../context.ts';
import { parseFilters, type Filters } from '../decode/filters.ts';
import { flag, parseMoment, text, texts } from '../decode/query.ts';
import { historyEntry, imageInspect, imageRemoval, imageSummary } from '../encode/image.ts';
import { type Answer, type ApiRequest, empty, json, type Route, route, stream, written } from '../exchange.ts';
import { JsonLines } from '../transport/json-lines.ts';
import { pruneTest } from './container-filters.ts';

const nameOf = (request: ApiRequest): string => request.params['name'] ?? '';

const listFilters = ['before', 'dangling', 'label', 'label!', 'reference', 'since', 'until'];

/** A reference pattern as Go's path.Match has it: "*" and "?" stop at slashes. Matches with and without the tag. */
function referenceTest(pattern: string): (tag: string) => boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  let expression: RegExp;
  try {
    expression = new RegExp(`^${source}$`);
  } catch {
    throw invalidArgument('invalid-filter', `invalid filter 'reference=${pattern}'`);
  }
  return (tag) => expression.test(tag) || expression.test(tag.replace(/:[^:/]+$/, ''));
}

function imageTest({ engine }: ApiContext, filters: Filters): (image: Image) => boolean {
  const dangling = filters.flag('dangling');
  const references = filters.values('reference').map(referenceTest);
  const before = filters.values('before').map((value) => Date.parse(engine.images.resolve(value).created));
  const since = filters.values('since').map((value) => Date.parse(engine.images.resolve(value).created));
  const until = filters.moment('until');
  return (image) =>
    (dangling === undefined || dangling === (image.tags.length === 0)) &&
    (references.length === 0 || references.some((test) => [...image.tags, ...image.digests].some(test))) &&
    filters.labels(image.defaults.labels) &&
    before.every((moment) => Date.parse(image.created) < moment) &&
    since.every((moment) => Date.parse(image.created) > moment) &&
    (until === undefined || image.created === '' || parseMoment('created', image.created) < until);
}

async function list(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { engine } = context;
  const test = imageTest(context, parseFilters(request.query, listFilters));
  const shared = flag(request.query, 'shared-size') ? await engine.images.diskUsage() : undefined;
  const images = engine.images
    .list()
    .filter(test)
    .toSorted((left, right) => Date.parse(right.created) - Date.parse(left.created));
  return json(
    images.map((image) =>
      imageSummary(image, { sharedSize: shared?.images.get(image.id)?.sharedSize ?? -1, containers: -1 }),
    ),
  );
}

function tag({ engine }: ApiContext, request: ApiRequest): Answer {
  const repository = text(request.query, 'repo');
  const name = text(request.query, 'tag');
  if (repository === '') throw invalidArgument('invalid-reference', 'invalid reference format: repo must be given');
  engine.images.tag(nameOf(request), name === '' ? repository : `${repository}:${name}`);
  return empty(201);
}

async function remove({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const removals = await engine.images.remove(nameOf(request), {
    force: flag(request.query, 'force'),
    prune: !flag(request.query, 'noprune'),
  });
  return json(removals.map(imageRemoval));
}

async function prune({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const filters = parseFilters(request.query, ['dangling', 'label', 'label!', 'until']);
  const test = pruneTest(filters);
  const { removals, spaceReclaimed } = await engine.images.prune({
    dangling: filters.flag('dangling') ?? true,
    matches: ({ created, defaults }) => test({ created, labels: defaults.labels }),
  });
  return json({
    ImagesDeleted: removals.length === 0 ? null : removals.map(imageRemoval),
    SpaceReclaimed: spaceReclaimed,
  });
}

async function load({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const lines = new JsonLines(request.response);
  const quiet = flag(request.query, 'quiet');
  try {
    const loaded = await engine.images.load(request.body, quiet ? () => undefined : lines.report, request.signal);
    for (const { id, reference } of loaded) {
      lines.write({ stream: reference === undefined ? `Loaded image ID: ${id}\n` : `Loaded image: ${reference}\n` });
    }
    lines.end();
  } catch (error) {
    lines.fail(error);
  }
  return written;
}

async function save({ engine }: ApiContext, references: readonly string[]): Promise<Answer> {
  if (references.length === 0) throw invalidArgument('invalid-parameter', 'names: at least one image must be given');
  return stream(await engine.images.save(references), 'application/x-tar');
}

/** POST /images/create: an import when fromSrc is given, otherwise a pull. */
async function create(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { query } = request;
  const from = text(query, 'fromSrc');
  if (from === '') {
    const image = [text(query, 'fromImage'), text(query, 'tag')].filter((part) => part !== '').join(':');
    throw notImplemented(
      'pull-unsupported',
      `cannot get image ${image}: pulling from a registry is not supported yet`,
      { hint: 'load or import an archive, or make a base image with: corten image bootstrap busybox' },
    );
  }
  if (from !== '-') {
    throw notImplemented(
      'import-url-unsupported',
      `importing from ${from} is not supported: send the archive itself (fromSrc=-)`,
    );
  }
  return await importImage(context, request);
}

function platformOf(
  value: string,
): { readonly os: string; readonly architecture: string; readonly variant?: string } | undefined {
  if (value === '') return undefined;
  const [os = '', architecture, variant, ...rest] = value.split('/');
  if (os === '' || architecture === undefined || architecture === '' || rest.length > 0) {
    throw invalidArgument('invalid-platform', `"${value}" is an invalid platform: os/architecture[/variant]`);
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

async function importImage({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const { query } = request;
  const repository = text(query, 'repo');
  const name = text(query, 'tag');
  const message = text(query, 'message');
  const platform = platformOf(text(query, 'platform'));
  const lines = new JsonLines(request.response);
  try {
    const image = await engine.images.import(
      request.body,
      {
        ...(repository === '' ? {} : { reference: name === '' ? repository : `${repository}:${name}` }),
        ...(message === '' ? {} : { message }),
        changes: texts(query, 'changes'),
        ...(platform === undefined ? {} : { platform }),
      },
      lines.report,
      request.signal,
    );
    lines.write({ status: image.id });
    lines.end();
  } catch (error) {
    lines.fail(error);
  }
  return written;
}

export const imageRoutes: readonly Route[] = [
  route('GET', '/images/json', list),
  route('GET', '/images/:name/json', ({ engine }, request) =>
    json(imageInspect(engine.images.resolve(nameOf(request)))),
  ),
  route('GET', '/images/:name/history', ({ engine }, request) =>
    json(engine.images.history(nameOf(request)).map(historyEntry)),
  ),
  route('POST', '/images/:name/tag', tag),
  route('DELETE', '/images/:name', remove),
  route('POST', '/images/prune', prune),
  route('POST', '/images/load', load),
  route('POST', '/images/create', create),
  route('GET', '/images/:name/get', async (context, request) => await save(context, [nameOf(request)])),
  route(
    'GET',
    '/images/get',
    async (context, request) =>
      await save(
        context,
        texts(request.query, 'names').flatMap((names) => names.split(',')),
      ),
  ),
];
