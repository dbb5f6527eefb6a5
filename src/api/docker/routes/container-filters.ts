import { invalidArgument } from '../../../base/index.ts';
import type { Container, Engine } from '../../../engine/types.ts';
import type { Filters } from '../decode/filters.ts';
import { integer, flag, parseMoment, type Query, text } from '../decode/query.ts';
import { containerPorts } from '../decode/ports.ts';

export const containerListFilters = [
  'ancestor',
  'before',
  'expose',
  'exited',
  'health',
  'id',
  'is-task',
  'label',
  'label!',
  'isolation',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];

const statuses = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const healths = ['none', 'starting', 'healthy', 'unhealthy'];

function only(filters: Filters, name: string, accepted: readonly string[]): readonly string[] {
  for (const value of filters.values(name)) {
    if (!accepted.includes(value)) throw invalidArgument('invalid-filter', `invalid filter '${name}=${value}'`);
  }
  return filters.values(name);
}

/** Names are matched as a regular expression, with and without the leading slash, as dockerd does. */
function namePatterns(filters: Filters): readonly ((name: string) => boolean)[] {
  return filters.values('name').map((value) => {
    let pattern: RegExp;
    try {
      pattern = new RegExp(value);
    } catch {
      return (name: string) => name === value;
    }
    return (name: string) => name === value || pattern.test(`/${name}`) || pattern.test(name);
  });
}

function portTest(filters: Filters, name: 'publish' | 'expose'): ((container: Container) => boolean) | undefined {
  if (!filters.has(name)) return undefined;
  const wanted = new Set(
    filters.values(name).flatMap((value) => containerPorts(value).map(({ port, protocol }) => `${port}/${protocol}`)),
  );
  if (name === 'expose') return (container) => container.effective.exposedPorts.some((port) => wanted.has(port));
  return (container) =>
    (container.endpoint?.ports ?? []).some((row) => wanted.has(`${row.containerPort}/${row.protocol}`));
}

/** Ids of the images that `ancestor` names, and of all that were built from them. An unknown one matches nothing. */
function ancestors(engine: Engine, filters: Filters): ReadonlySet<string> | undefined {
  if (!filters.has('ancestor')) return undefined;
  const ids = new Set<string>();
  for (const value of filters.values('ancestor')) {
    try {
      ids.add(engine.images.resolve(value).id);
    } catch {
      continue;
    }
  }
  const images = engine.images.list();
  for (let before = -1; before !== ids.size; ) {
    before = ids.size;
    for (const image of images) if (image.parent !== '' && ids.has(image.parent)) ids.add(image.id);
  }
  return ids;
}

function onNetwork(container: Container, value: string): boolean {
  const { endpoint } = container;
  const mode = container.configuration.host.networkMode;
  if (endpoint !== undefined) {
    return endpoint.networkName === value || (value.length > 0 && endpoint.networkId.startsWith(value));
  }
  return (mode === 'default' ? 'bridge' : mode) === value;
}

function stateTests(filters: Filters): ((container: Container) => boolean)[] {
  const status = only(filters, 'status', statuses);
  const health = only(filters, 'health', healths);
  const exited = filters.values('exited').map((value) => {
    if (!/^-?\d+$/.test(value)) throw invalidArgument('invalid-filter', `invalid filter 'exited=${value}'`);
    return Number(value);
  });
  const tests: ((container: Container) => boolean)[] = [];
  if (status.length > 0) tests.push(({ state }) => status.includes(state.status));
  if (health.length > 0) tests.push(({ state }) => health.includes(state.health?.status ?? 'none'));
  // Never started is not exited: dockerd leaves those out.
  if (exited.length > 0) {
    tests.push(({ state }) => state.status === 'exited' && exited.includes(state.exitCode));
  }
  return tests;
}

/** What `filters` asks for, as one test. Order-related filters are resolved now. @throws invalid-argument, not-found */
export function containerTest(engine: Engine, filters: Filters): (container: Container) => boolean {
  const tests = stateTests(filters);
  const names = namePatterns(filters);
  if (names.length > 0) tests.push(({ name }) => names.some((test) => test(name)));
  if (filters.has('id')) tests.push(({ id }) => filters.values('id').some((value) => id.startsWith(value)));
  if (filters.has('label') || filters.has('label!')) tests.push(({ effective }) => filters.labels(effective.labels));
  if (filters.flag('is-task') === true) tests.push(() => false);
  if (filters.has('isolation')) tests.push(() => filters.values('isolation').includes('default'));
  const images = ancestors(engine, filters);
  if (images !== undefined) tests.push(({ imageId }) => images.has(imageId));
  if (filters.has('volume')) {
    tests.push(({ mounts }) =>
      filters
        .values('volume')
        .some((value) =>
          mounts.some((mount) => mount.name === value || mount.target === value || mount.source === value),
        ),
    );
  }
  if (filters.has('network')) {
    tests.push((container) => filters.values('network').some((value) => onNetwork(container, value)));
  }
  for (const name of ['publish', 'expose'] as const) {
    const test = portTest(filters, name);
    if (test !== undefined) tests.push(test);
  }
  for (const value of filters.values('before')) {
    const { created, id } = engine.containers.resolve(value);
    tests.push((container) => container.created < created && container.id !== id);
  }
  for (const value of filters.values('since')) {
    const { created, id } = engine.containers.resolve(value);
    tests.push((container) => container.created > created && container.id !== id);
  }
  return (container) => tests.every((test) => test(container));
}

/** The list that query and filters describe, newest first. */
export function selectContainers(engine: Engine, query: Query, filters: Filters): readonly Container[] {
  const limit = integer(query, 'limit') ?? -1;
  const last = limit > 0;
  const before = text(query, 'before');
  const since = text(query, 'since');
  // Whoever asks for a state or for the last ones wants stopped containers too.
  const all =
    flag(query, 'all') ||
    last ||
    before !== '' ||
    since !== '' ||
    ['status', 'exited', 'before', 'since'].some((name) => filters.has(name));
  const test = containerTest(engine, filters);
  const earlier = before === '' ? undefined : engine.containers.resolve(before).created;
  const later = since === '' ? undefined : engine.containers.resolve(since).created;
  const chosen = engine.containers
    .list()
    .filter(
      (container) =>
        (all || isRunning(container)) &&
        (earlier === undefined || container.created < earlier) &&
        (later === undefined || container.created > later) &&
        test(container),
    )
    .sort((left, right) => (left.created < right.created ? 1 : left.created > right.created ? -1 : 0));
  return last ? chosen.slice(0, limit) : chosen;
}

function isRunning({ state }: Container): boolean {
  return state.status === 'running' || state.status === 'paused' || state.status === 'restarting';
}

/** until (time or duration), label and label! of a prune. */
export function pruneTest(
  filters: Filters,
): (object: { readonly created: string; readonly labels: Readonly<Record<string, string>> }) => boolean {
  const until = filters.moment('until');
  return ({ created, labels }) =>
    filters.labels(labels) && (until === undefined || created === '' || parseMoment('created', created) < until);
}
