import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { hijackRoutes, routes, websocketRoute } from '../../../src/api/docker/routes/index.ts';
import { startTestApi, type TestApi } from './client.ts';
import { facts } from './facts.ts';

/** Both spellings of a parameter as one: `{id}` and `:id`. */
const shape = (method: string, path: string): string => `${method} ${path.replaceAll(/\{\w+\}|:\w+/g, '*')}`;

const ours = new Set([...routes, ...hijackRoutes, websocketRoute].map(({ method, path }) => shape(method, path)));

describe('routes', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(async () => await api.close());

  for (const route of Object.keys(facts.routes)) {
    it(`${route} exists`, () => {
      const [method = '', path = ''] = route.split(' ');
      assert.ok(ours.has(shape(method, path)), route);
    });
  }

  it('has no route that is neither described nor our own', () => {
    const described = new Set(
      Object.keys(facts.routes).map((route) => shape(...(route.split(' ') as [string, string]))),
    );
    const extra = [...ours].filter((route) => !described.has(route) && !route.includes(' /corten/'));
    assert.deepEqual(extra, ['POST /build/cancel']);
  });

  for (const path of ['/nope', '/v1.51/nope', '/containers/a/b/c', '/', '/containers']) {
    it(`${path} is not found`, async () => {
      const answer = await api.request('GET', path);
      assert.equal(answer.status, 404);
      assert.deepEqual(answer.json(), { message: 'page not found' });
      assert.equal(answer.headers['corten-error-code'], 'page-not-found');
    });
  }

  it('a known path with another method is not found', async () => {
    assert.equal((await api.request('PUT', '/containers/json')).status, 404);
    assert.equal((await api.request('HEAD', '/containers/json')).status, 404);
  });

  for (const prefix of ['', '/v1.24', '/v1.43', '/v1.51']) {
    it(`answers at "${prefix}" with and without a slash at the end`, async () => {
      for (const end of ['', '/']) {
        const answer = await api.request('GET', `${prefix}/version${end}`);
        assert.equal(answer.status, 200);
        assert.equal((answer.json() as { ApiVersion: string }).ApiVersion, '1.51');
      }
    });
  }

  const refusedVersions: readonly (readonly [string, string])[] = [
    ['/v1.99', 'client version 1.99 is too new. Maximum supported API version is 1.51'],
    ['/v1.52', 'client version 1.52 is too new. Maximum supported API version is 1.51'],
    ['/v2.0', 'client version 2.0 is too new. Maximum supported API version is 1.51'],
    [
      '/v1.23',
      'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    ],
  ];
  for (const [prefix, message] of refusedVersions) {
    it(`${prefix} is refused with docker's words`, async () => {
      const answer = await api.request('GET', `${prefix}/containers/json`);
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.json(), { message });
    });
  }

  it('names of images may hold slashes, escaped or not', async () => {
    for (const name of ['team/app', 'localhost:5000/team/app:1', 'team%2Fapp']) {
      const inspected = await api.request('GET', `/v1.51/images/${name}/json`);
      assert.equal(inspected.status, 200, name);
      assert.equal((await api.request('GET', `/images/${name}/history`)).status, 200, name);
      assert.equal((await api.request('GET', `/images/${name}/get`)).status, 200, name);
      assert.equal((await api.request('POST', `/images/${name}/tag?repo=x`)).status, 201, name);
      assert.equal((await api.request('DELETE', `/images/${name}`)).status, 200, name);
    }
    assert.equal(api.engine.lastCall('image-remove')?.[0], 'team/app');
  });

  it('_ping carries what clients negotiate by', async () => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, body } = await api.request(method, '/_ping');
      assert.equal(status, 200);
      assert.equal(headers['api-version'], '1.51');
      assert.equal(headers['docker-experimental'], 'false');
      assert.equal(headers['ostype'], 'linux');
      assert.equal(headers['builder-version'], '1');
      assert.equal(headers['cache-control'], 'no-cache, no-store, must-revalidate');
      assert.equal(headers['pragma'], 'no-cache');
      assert.match(String(headers['server']), /^Corten\//);
      assert.equal(body, method === 'GET' ? 'OK' : '');
    }
  });
});
