import { invalidArgument } from '../../../base/index.ts';
import type { Network } from '../../../network/types.ts';
import type { ApiContext } from '../context.ts';
import { parseFilters } from '../decode/filters.ts';
import { text } from '../decode/query.ts';
import { networkResource } from '../encode/network.ts';
import { type Answer, type ApiRequest, json, type Route, route } from '../exchange.ts';

const listFilters = ['dangling', 'driver', 'id', 'label', 'label!', 'name', 'scope', 'type'];

function list({ engine }: ApiContext, request: ApiRequest): Answer {
  const filters = parseFilters(request.query, listFilters);
  const dangling = filters.flag('dangling');
  const types = filters.values('type');
  for (const type of types) {
    if (type !== 'custom' && type !== 'builtin')
      throw invalidArgument('invalid-filter', `invalid filter 'type=${type}'`);
  }
  const builtin = (network: Network): boolean => ['bridge', 'host', 'none'].includes(network.name);
  const chosen = engine.networks
    .list()
    .filter(
      (network) =>
        filters.any('name', (value) => network.name.includes(value)) &&
        filters.any('id', (value) => network.id.startsWith(value)) &&
        filters.any('driver', (value) => network.driver === value) &&
        filters.any('scope', (value) => value === 'local') &&
        filters.any('type', (value) => builtin(network) === (value === 'builtin')) &&
        filters.labels(network.labels) &&
        (dangling === undefined ||
          (!builtin(network) && engine.networks.endpoints(network.id).length === 0) === dangling),
    );
  return json(chosen.map((network) => networkResource(engine, network, false)));
}

function inspect({ engine }: ApiContext, request: ApiRequest): Answer {
  const scope = text(request.query, 'scope');
  if (scope !== '' && scope !== 'local') {
    throw invalidArgument('invalid-parameter', `no network has scope ${scope}: this daemon is not in a swarm`);
  }
  return json(networkResource(engine, engine.networks.resolve(request.params['id'] ?? ''), true));
}

export const networkRoutes: readonly Route[] = [
  route('GET', '/networks', list),
  route('GET', '/networks/:id', inspect),
];
