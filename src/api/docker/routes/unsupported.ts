import { notFound, notImplemented, unavailable } from '../../../base/index.ts';
import { json, type Method, type Route, route } from '../exchange.ts';

/** Routes of the Engine API that are known and cannot be served: the answer says which and why. */

const refused = (method: Method, path: string, code: string, what: string, hint?: string): Route =>
  route(method, path, () => {
    throw notImplemented(code, `${what} is not supported yet`, hint === undefined ? {} : { hint });
  });

const notInSwarm = (method: Method, path: string): Route =>
  route(method, path, () => {
    throw unavailable(
      'not-in-swarm',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  });

const objects = (group: string): readonly Route[] => [
  notInSwarm('GET', `/${group}`),
  notInSwarm('POST', `/${group}/create`),
  notInSwarm('GET', `/${group}/:id`),
  notInSwarm('DELETE', `/${group}/:id`),
  notInSwarm('POST', `/${group}/:id/update`),
];

const swarmRoutes: readonly Route[] = [
  notInSwarm('GET', '/swarm'),
  refused('POST', '/swarm/init', 'swarm-unsupported', 'swarm mode'),
  refused('POST', '/swarm/join', 'swarm-unsupported', 'swarm mode'),
  route('POST', '/swarm/leave', () => {
    throw unavailable('not-in-swarm', 'This node is not part of a swarm');
  }),
  notInSwarm('POST', '/swarm/update'),
  notInSwarm('GET', '/swarm/unlockkey'),
  notInSwarm('POST', '/swarm/unlock'),
  notInSwarm('GET', '/nodes'),
  notInSwarm('GET', '/nodes/:id'),
  notInSwarm('DELETE', '/nodes/:id'),
  notInSwarm('POST', '/nodes/:id/update'),
  ...objects('services'),
  notInSwarm('GET', '/services/:id/logs'),
  notInSwarm('GET', '/tasks'),
  notInSwarm('GET', '/tasks/:id'),
  notInSwarm('GET', '/tasks/:id/logs'),
  ...objects('secrets'),
  ...objects('configs'),
];

const noPlugin = (method: Method, path: string): Route =>
  route(method, path, (_context, request) => {
    throw notFound('plugin-not-found', `plugin "${request.params['name'] ?? ''}" not found`);
  });

const pluginRoutes: readonly Route[] = [
  route('GET', '/plugins', () => json([])),
  refused('GET', '/plugins/privileges', 'plugins-unsupported', 'installing plugins'),
  refused('POST', '/plugins/pull', 'plugins-unsupported', 'installing plugins'),
  refused('POST', '/plugins/create', 'plugins-unsupported', 'creating plugins'),
  noPlugin('GET', '/plugins/:name/json'),
  noPlugin('DELETE', '/plugins/:name'),
  noPlugin('POST', '/plugins/:name/enable'),
  noPlugin('POST', '/plugins/:name/disable'),
  noPlugin('POST', '/plugins/:name/upgrade'),
  noPlugin('POST', '/plugins/:name/push'),
  noPlugin('POST', '/plugins/:name/set'),
];

const copyHint = 'use: docker exec CONTAINER tar -c PATH, or docker export';

export const unsupportedRoutes: readonly Route[] = [
  ...swarmRoutes,
  ...pluginRoutes,
  refused('POST', '/networks/create', 'network-create-unsupported', 'creating networks'),
  refused('DELETE', '/networks/:id', 'network-remove-unsupported', 'removing networks'),
  refused('POST', '/networks/:id/connect', 'network-connect-unsupported', 'connecting a container to another network'),
  refused(
    'POST',
    '/networks/:id/disconnect',
    'network-disconnect-unsupported',
    'disconnecting a container from a network',
  ),
  refused('POST', '/networks/prune', 'network-prune-unsupported', 'removing networks'),
  refused('PUT', '/volumes/:name', 'cluster-volumes-unsupported', 'updating cluster volumes'),
  refused('GET', '/images/search', 'search-unsupported', 'searching a registry'),
  refused(
    'POST',
    '/images/:name/push',
    'push-unsupported',
    'pushing to a registry',
    'docker save writes the image to an archive',
  ),
  refused('GET', '/distribution/:name/json', 'distribution-unsupported', 'asking a registry about an image'),
  refused('POST', '/build', 'build-unsupported', 'building images', 'docker import and docker load bring images in'),
  refused('POST', '/build/prune', 'build-unsupported', 'the build cache'),
  refused('POST', '/build/cancel', 'build-unsupported', 'building images'),
  refused('POST', '/session', 'session-unsupported', 'a BuildKit session'),
  refused(
    'POST',
    '/commit',
    'commit-unsupported',
    'making an image from a container',
    'docker export and docker import do it',
  ),
  refused('HEAD', '/containers/:id/archive', 'archive-unsupported', 'copying files', copyHint),
  refused('GET', '/containers/:id/archive', 'archive-unsupported', 'copying files', copyHint),
  refused('PUT', '/containers/:id/archive', 'archive-unsupported', 'copying files', copyHint),
];
