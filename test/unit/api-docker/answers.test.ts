import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startTestApi, type TestApi } from './client.ts';
import { complaints, definitionComplaints } from './facts.ts';
import { containerId, imageId } from './fake-engine.ts';

/** Route as described, path as asked. */
const described: readonly (readonly [route: string, path: string, status?: number, body?: unknown])[] = [
  ['GET /version', '/version'],
  ['GET /info', '/info'],
  ['GET /system/df', '/system/df'],
  ['GET /containers/json', '/containers/json?all=1&size=1'],
  ['GET /containers/{id}/json', '/containers/web/json?size=1'],
  ['GET /containers/{id}/top', '/containers/web/top?ps_args=aux'],
  ['GET /containers/{id}/changes', '/containers/web/changes'],
  ['GET /containers/{id}/stats', '/containers/web/stats?stream=0&one-shot=1'],
  ['POST /containers/create', '/containers/create?name=new', 201, { Image: 'busybox' }],
  ['POST /containers/{id}/update', '/containers/web/update', 200, { Memory: 1e8 }],
  ['POST /containers/prune', '/containers/prune'],
  ['POST /containers/{id}/exec', '/containers/web/exec', 201, { Cmd: ['true'] }],
  ['GET /images/json', '/images/json?shared-size=1'],
  ['GET /images/{name}/json', '/images/busybox/json'],
  ['GET /images/{name}/history', '/images/busybox/history'],
  ['DELETE /images/{name}', '/images/busybox'],
  ['POST /images/prune', '/images/prune'],
  ['GET /networks', '/networks'],
  ['GET /networks/{id}', '/networks/bridge'],
  ['GET /volumes', '/volumes'],
  ['GET /volumes/{name}', '/volumes/data'],
  ['POST /volumes/create', '/volumes/create', 201, { Name: 'data' }],
  ['POST /volumes/prune', '/volumes/prune'],
  ['GET /plugins', '/plugins'],
];

describe('answers have the described shape', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(async () => await api.close());

  for (const [route, path, status = 200, body] of described) {
    it(route, async () => {
      const [method = ''] = route.split(' ');
      const answer = await api.request(method, path, body === undefined ? {} : { body });
      assert.equal(answer.status, status, answer.body);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(complaints(route, status, answer.json()), '');
    });
  }

  it('the shapes are checked, not waved through', () => {
    assert.notEqual(complaints('GET /containers/json', 200, [{ Id: 5 }]), '');
    assert.notEqual(complaints('GET /containers/{id}/json', 200, { State: { Status: 'asleep' } }), '');
    assert.notEqual(complaints('GET /images/json', 200, [{ Id: 'x' }]), '');
  });

  it('an exec', async () => {
    const { Id: id } = (
      await api.request('POST', '/containers/web/exec', { body: { Cmd: ['sh', '-c', 'x'], User: 'ann', Tty: true } })
    ).json() as { Id: string };
    const exec = (await api.request('GET', `/exec/${id}/json`)).json() as Record<string, unknown>;
    assert.equal(complaints('GET /exec/{id}/json', 200, exec), '');
    assert.deepEqual(exec['ProcessConfig'], {
      tty: true,
      entrypoint: 'sh',
      arguments: ['-c', 'x'],
      privileged: false,
      user: 'ann',
    });
  });

  it('a container, in docker words', async () => {
    const container = (await api.request('GET', '/containers/web/json')).json() as Record<string, unknown>;
    assert.equal(container['Name'], '/web');
    assert.equal(container['Image'], imageId);
    assert.equal(definitionComplaints('HostConfig', container['HostConfig']), '');
    assert.equal(definitionComplaints('ContainerConfig', container['Config']), '');
    assert.equal((container['HostConfig'] as Record<string, unknown>)['NetworkMode'], 'bridge');
    const settings = container['NetworkSettings'] as Record<string, unknown>;
    assert.deepEqual(settings['Ports'], {
      '443/tcp': null,
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '8080' },
        { HostIp: '::', HostPort: '8080' },
      ],
    });
    assert.equal(settings['IPAddress'], '172.20.0.2');
    assert.deepEqual(Object.keys(settings['Networks'] as object), ['bridge']);
  });

  it('a list entry, in docker words', async () => {
    const [entry] = (await api.request('GET', '/containers/json')).json() as [Record<string, unknown>];
    assert.deepEqual(entry['Names'], ['/web']);
    assert.equal(entry['Command'], "echo 'two words'");
    assert.match(String(entry['Status']), /^Up .* \(healthy\)$/);
    assert.deepEqual(entry['Ports'], [
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { PrivatePort: 443, Type: 'tcp' },
    ]);
    assert.equal('SizeRw' in entry, false);
  });

  it('a container that was never started is on its network by name only', async () => {
    await api.request('POST', '/containers/create?name=idle', { body: { Image: 'busybox' } });
    const container = (await api.request('GET', '/containers/idle/json')).json() as Record<string, unknown>;
    assert.equal(complaints('GET /containers/{id}/json', 200, container), '');
    const settings = container['NetworkSettings'] as { Networks: Record<string, { NetworkID: string }>; Ports: object };
    assert.equal(settings.Networks['bridge']?.NetworkID, '');
    assert.deepEqual(settings.Ports, {});
  });

  it('older versions get their own fields', async () => {
    const [newer] = (await api.request('GET', '/v1.44/images/json')).json() as [Record<string, unknown>];
    const [older] = (await api.request('GET', '/v1.43/images/json')).json() as [Record<string, unknown>];
    assert.equal('VirtualSize' in newer, false);
    assert.equal(older['VirtualSize'], older['Size']);
    const inspected = (await api.request('GET', '/v1.40/images/busybox/json')).json() as Record<string, unknown>;
    assert.equal(inspected['VirtualSize'], inspected['Size']);
    assert.deepEqual((inspected['Config'] as Record<string, unknown>)['Entrypoint'], null);
    assert.deepEqual((inspected['Config'] as Record<string, unknown>)['Cmd'], ['sh']);
    const current = (await api.request('GET', '/v1.50/images/busybox/json')).json() as Record<string, unknown>;
    assert.equal('Entrypoint' in (current['Config'] as object), false);
    const usage = (await api.request('GET', '/v1.41/system/df')).json() as { BuilderSize: number; Images: object[] };
    assert.equal(usage.BuilderSize, 0);
    assert.ok('VirtualSize' in (usage.Images[0] ?? {}));
    await api.request('POST', '/v1.41/volumes/prune');
    assert.equal(api.engine.lastCall('volume-prune')?.[0], true);
    await api.request('POST', '/v1.42/volumes/prune');
    assert.equal(api.engine.lastCall('volume-prune')?.[0], false);
  });

  it("Corten's own: explain, trace", async () => {
    const explained = (await api.request('GET', '/corten/containers/web/explain?path=/etc')).json();
    assert.equal((explained as { id: string }).id, containerId);
    assert.deepEqual(api.engine.lastCall('explain'), ['web', '/etc']);
    const trace = (await api.request('GET', '/v1.51/corten/containers/web/trace')).json();
    assert.deepEqual(trace, { phases: [{ name: 'launch', startMilliseconds: 0, durationMilliseconds: 1.5 }] });
  });
});
