import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RequestOptions, startTestApi, type TestApi } from './client.ts';

interface Case {
  readonly what: string;
  readonly method?: string;
  readonly path: string;
  readonly options?: RequestOptions;
  readonly status: number;
  readonly message: RegExp;
  readonly code?: string;
}

const create = (what: string, body: unknown, status: number, message: RegExp, code?: string): Case => ({
  what: `create: ${what}`,
  method: 'POST',
  path: '/containers/create',
  options: { body },
  status,
  message,
  ...(code === undefined ? {} : { code }),
});

/** A create request whose HostConfig has one field. */
const host = (field: string, value: unknown, status: number, message: RegExp, code?: string): Case =>
  create(
    `HostConfig.${field} ${JSON.stringify(value)}`,
    { Image: 'busybox', HostConfig: { [field]: value } },
    status,
    message,
    code,
  );

const config = (field: string, value: unknown, status: number, message: RegExp): Case =>
  create(`${field} ${JSON.stringify(value)}`, { Image: 'busybox', [field]: value }, status, message);

const mount = (value: object, status: number, message: RegExp): Case => host('Mounts', [value], status, message);

const get = (path: string, status: number, message: RegExp): Case => ({ what: `GET ${path}`, path, status, message });
const post = (path: string, status: number, message: RegExp, options: RequestOptions = {}): Case => ({
  what: `POST ${path} ${options.body === undefined ? '' : JSON.stringify(options.body)}`,
  method: 'POST',
  path,
  status,
  message,
  options,
});

const filters = (value: unknown): string =>
  encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value));

const unsupported = /is not supported/;

const cases: readonly Case[] = [
  {
    what: 'create: no body',
    method: 'POST',
    path: '/containers/create',
    status: 400,
    message: /config cannot be empty/,
    code: 'missing-configuration',
  },
  {
    what: 'create: malformed JSON',
    method: 'POST',
    path: '/containers/create',
    options: { raw: '{"Image":', headers: { 'Content-Type': 'application/json' } },
    status: 400,
    message: /^invalid JSON: /,
    code: 'invalid-json',
  },
  {
    what: 'create: another content type',
    method: 'POST',
    path: '/containers/create',
    options: { raw: 'Image=busybox', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
    status: 400,
    message: /unsupported Content-Type header \(application\/x-www-form-urlencoded\): must be 'application\/json'/,
  },
  {
    what: 'create: more JSON than is read',
    method: 'POST',
    path: '/containers/create',
    options: { raw: ' '.repeat(4 * 1024 * 1024 + 1), headers: { 'Content-Type': 'application/json' } },
    status: 400,
    message: /request body too large/,
    code: 'body-too-large',
  },
  create('a list for a body', [], 400, /Config must be an object, not array/),
  create('a string for a body', 'x', 400, /Config must be an object, not string/),
  create(
    'an unknown field',
    { Image: 'busybox', Colour: 'red' },
    501,
    /Config\.Colour is not supported/,
    'unsupported-field',
  ),
  create('missing image', { Image: 'absent' }, 404, /No such image: absent/, 'image-not-found'),
  {
    what: 'create: another platform',
    method: 'POST',
    path: '/containers/create?platform=linux/arm64',
    options: { body: { Image: 'busybox' } },
    status: 400,
    message: /platform linux\/arm64/,
  },
  config('Image', 5, 400, /Config\.Image must be a string, not number/),
  config('Tty', 'yes', 400, /Config\.Tty must be true or false, not string/),
  config('Env', 'A=1', 400, /Config\.Env must be a list, not string/),
  config('Env', [1], 400, /Config\.Env\[0\] must be a string, not number/),
  config('Labels', ['a'], 400, /Config\.Labels must be an object, not array/),
  config('Labels', { a: 1 }, 400, /Config\.Labels\.a must be a string, not number/),
  config('Cmd', 7, 400, /Config\.Cmd must be a list, not number/),
  config('Entrypoint', [['sh']], 400, /Config\.Entrypoint\[0\] must be a string, not array/),
  config('ExposedPorts', { '99999/tcp': {} }, 400, /invalid port specification: "99999\/tcp"/),
  config('ExposedPorts', { '80/icmp': {} }, 400, /unknown protocol icmp/),
  config('ExposedPorts', { '90-80': {} }, 400, /invalid port specification/),
  config('StopTimeout', 'long', 400, /Config\.StopTimeout must be an integer/),
  config('StopTimeout', 1.5, 400, /Config\.StopTimeout must be an integer, not 1\.5/),
  config('Healthcheck', { Test: ['CMD', 'x'], Interval: 5 }, 400, /Interval in Healthcheck cannot be less than 1ms/),
  config('Healthcheck', { Retries: -1 }, 400, /Retries in Healthcheck cannot be negative/),
  config('Healthcheck', { Often: true }, 501, unsupported),
  config('NetworkingConfig', { EndpointsConfig: { a: {}, b: {} } }, 501, /more than one network/),
  config(
    'NetworkingConfig',
    { EndpointsConfig: { bridge: { Aliases: ['x'] } } },
    501,
    /bridge\.Aliases is not supported/,
  ),
  config(
    'NetworkingConfig',
    { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: '1.2.3.4' } } } },
    501,
    /IPAMConfig is not supported/,
  ),
  host('Memory', 'much', 400, /HostConfig\.Memory must be an integer/),
  host('Memory', -1, 400, /Memory: -1 is negative/),
  host('Memory', 1e300, 400, /HostConfig\.Memory must be an integer/),
  host('NanoCpus', -5, 400, /NanoCpus: -5 is negative/),
  host('MemorySwappiness', 101, 400, /valid memory swappiness range is 0-100/),
  host('BlkioWeight', 5, 400, /range of blkio weight is from 10 to 1000/),
  host(
    'BlkioDeviceReadBps',
    [{ Path: '/dev/sda', Rate: 1 }],
    501,
    /BlkioDeviceReadBps is not supported/,
    'unsupported-field',
  ),
  host('DeviceRequests', [{ Driver: 'nvidia' }], 501, unsupported, 'unsupported-field'),
  host('Links', ['a:b'], 501, unsupported, 'unsupported-field'),
  host('StorageOpt', { size: '1G' }, 501, unsupported, 'unsupported-field'),
  host('Runtime', 'kata', 501, /HostConfig\.Runtime "kata" is not supported/),
  host('Isolation', 'hyperv', 501, /Isolation "hyperv" is not supported/),
  host('VolumeDriver', 'nfs', 501, /volume driver "nfs" is not supported/),
  host('Unheard', 1, 501, /HostConfig\.Unheard is not supported/, 'unsupported-field'),
  host('RestartPolicy', { Name: 'sometimes' }, 400, /unknown policy 'sometimes'/),
  host('RestartPolicy', { Name: 'always', MaximumRetryCount: 3 }, 400, /can only be used with 'on-failure'/),
  host('RestartPolicy', { Name: 'on-failure', MaximumRetryCount: -1 }, 400, /cannot be negative/),
  host('RestartPolicy', 'always', 400, /RestartPolicy must be an object/),
  host('LogConfig', { Type: 'splunk' }, 400, /no log driver named 'splunk' is registered/),
  host('PortBindings', { '80/tcp': [{ HostPort: 'http' }] }, 400, /invalid port specification: "http"/),
  host('PortBindings', { '80/tcp': [{ HostPort: '9000-8000' }] }, 400, /invalid port specification/),
  host('PortBindings', { '80/tcp': [{ HostPort: '1-2-3' }] }, 400, /invalid port specification/),
  host('PortBindings', { '80/tcp': [{ HostPort: 8080 }] }, 400, /HostPort must be a string, not number/),
  host('PortBindings', { '': [] }, 400, /invalid port specification/),
  host('ConsoleSize', [1], 201, /./),
  host('ConsoleSize', [1, 2, 3], 400, /must be \[height, width\]/),
  host('ConsoleSize', [-1, 2], 400, /must be \[height, width\]/),
  host('Devices', [{ PathInContainer: '/dev/x' }], 400, /PathOnHost must not be empty/),
  host('Devices', [{ PathOnHost: '/dev/x', CgroupPermissions: 'x' }], 400, /invalid device permissions/),
  host('Ulimits', [{ Name: 'nofile', Soft: 'all' }], 400, /Ulimits\[0\]\.Soft must be an integer/),
  host('ShmSize', -1, 400, /SHM size can not be less than 0/),
  host('Sysctls', { a: 1 }, 400, /Sysctls\.a must be a string/),
  mount({ Type: 'bind', Target: '/x' }, 400, /field Source must not be empty/),
  mount({ Type: 'bind', Source: '/x' }, 400, /field Target must not be empty/),
  mount(
    { Type: 'bind', Source: '/x', Target: '/x', BindOptions: { Propagation: 'odd' } },
    400,
    /unknown propagation odd/,
  ),
  mount(
    { Type: 'bind', Source: '/x', Target: '/x', TmpfsOptions: { Mode: 1 } },
    400,
    /field TmpfsOptions must not be specified/,
  ),
  mount({ Type: 'tmpfs', Source: '/x', Target: '/x' }, 400, /field Source must not be specified/),
  mount({ Type: 'tmpfs', Target: '/x', TmpfsOptions: { SizeBytes: -1 } }, 400, /size -1/),
  mount({ Type: 'tmpfs', Target: '/x', TmpfsOptions: { Mode: 99999 } }, 400, /mode 99999/),
  mount({ Type: 'image', Source: 'x', Target: '/x' }, 501, /mounts of type "image" are not supported/),
  mount({ Type: 'moon', Target: '/x' }, 400, /mount type unknown/),
  mount({ Type: 'volume', Target: '/x', VolumeOptions: { DriverConfig: { Name: 'nfs' } } }, 501, /volume driver "nfs"/),
  get('/containers/nope/json', 404, /^No such container: nope$/),
  get('/containers/nope/logs?stdout=1', 404, /No such container/),
  get('/containers/nope/stats', 404, /No such container/),
  get('/containers/nope/export', 404, /No such container/),
  get('/containers/web/logs', 400, /you must choose at least one stream/),
  get('/containers/web/logs?stdout=1&since=yesterday', 400, /invalid value for since: "yesterday"/),
  get('/containers/json?limit=many', 400, /invalid value for limit/),
  get('/containers/json?filters=%7B', 400, /invalid filters/),
  get(`/containers/json?filters=${filters([])}`, 400, /invalid filters/),
  get(`/containers/json?filters=${filters({ colour: ['red'] })}`, 400, /^invalid filter 'colour'$/),
  get(`/containers/json?filters=${filters({ status: ['asleep'] })}`, 400, /^invalid filter 'status=asleep'$/),
  get(`/containers/json?filters=${filters({ health: ['ill'] })}`, 400, /invalid filter 'health=ill'/),
  get(`/containers/json?filters=${filters({ exited: ['no'] })}`, 400, /invalid filter 'exited=no'/),
  get(`/containers/json?filters=${filters({ status: 'running' })}`, 400, /invalid filters/),
  get(`/containers/json?filters=${filters({ status: [1] })}`, 400, /invalid filters/),
  get(`/containers/json?filters=${filters({ before: ['nope'] })}`, 404, /No such container: nope/),
  get(`/images/json?filters=${filters({ dangling: ['maybe'] })}`, 400, /invalid filter 'dangling=\[maybe\]'/),
  get(`/events?filters=${filters({ flavour: ['x'] })}`, 400, /invalid filter 'flavour'/),
  get('/events?since=soon', 400, /invalid value for since/),
  get('/images/absent/json', 404, /No such image: absent/),
  get('/images/get', 400, /at least one image/),
  get('/images/get?names=absent', 404, /No such image/),
  get('/images/search?term=x', 501, /searching a registry is not supported/),
  get('/networks/nope', 404, /network nope not found/),
  get('/networks/bridge?scope=swarm', 400, /not in a swarm/),
  get('/volumes/nope', 404, /no such volume/),
  get('/exec/nope/json', 404, /No such exec instance: nope/),
  get('/swarm', 503, /^This node is not a swarm manager\./),
  get('/nodes', 503, /not a swarm manager/),
  get('/services', 503, /not a swarm manager/),
  get('/plugins/x/json', 404, /plugin "x" not found/),
  get('/distribution/a/b/json', 501, unsupported),
  get('/containers/web/archive?path=/', 501, /copying files is not supported yet/),
  get('/containers/web/attach/ws', 400, /speaks WebSocket/),
  post('/containers/nope/start', 404, /No such container/),
  post('/containers/web/wait?condition=tired', 400, /invalid condition: "tired"/),
  post('/containers/nope/wait', 404, /No such container/),
  post('/containers/nope/attach?stream=1&stdout=1', 404, /No such container/),
  post('/containers/web/attach?stream=1&detachKeys=ctrl-%C3%BC', 400, /Invalid detach keys \(ctrl-/),
  post('/containers/web/attach?stream=1&detachKeys=shift-a', 400, /Invalid detach keys \(shift-a\)/),
  post('/containers/web/stop?t=soon', 400, /invalid value for t/),
  post('/containers/web/resize', 400, /h and w must be given/),
  post('/containers/web/resize?h=-1&w=1', 400, /out of range/),
  post('/containers/web/exec', 400, /No exec command specified/),
  post('/containers/web/exec', 400, /No exec command specified/, { body: { Cmd: [] } }),
  post('/containers/web/exec', 501, unsupported, { body: { Cmd: ['x'], Unheard: true } }),
  post('/containers/web/exec', 400, /ExecConfig\.Tty must be true or false/, { body: { Cmd: ['x'], Tty: 1 } }),
  post('/exec/nope/start', 404, /No such exec instance/, { body: {} }),
  post('/exec/nope/resize?h=1&w=1', 404, /No such exec instance/),
  post('/containers/web/update', 501, /Devices is not supported/, { body: { Devices: [{ PathOnHost: '/dev/x' }] } }),
  post('/containers/web/update', 400, /unknown policy/, { body: { RestartPolicy: { Name: 'x' } } }),
  post(`/containers/prune?filters=${filters({ until: ['a', 'b'] })}`, 400, /more than one until filter/),
  post(`/containers/prune?filters=${filters({ until: ['whenever'] })}`, 400, /invalid value for until/),
  post(`/containers/prune?filters=${filters({ name: ['x'] })}`, 400, /invalid filter 'name'/),
  post('/images/busybox/tag', 400, /repo must be given/),
  post('/images/create?fromImage=alpine&tag=3', 501, /cannot get image alpine:3: .*corten image bootstrap/),
  post('/images/create?fromSrc=http%3A%2F%2Fx%2Fy.tar', 501, /fromSrc=-/),
  post('/images/create?fromSrc=-&platform=linux', 400, /"linux" is an invalid platform/),
  post('/images/load', 404, /the archive is empty/),
  post('/images/a/b/push', 501, /pushing to a registry is not supported/),
  post('/networks/create', 501, /creating networks is not supported/, { body: { Name: 'x' } }),
  post('/volumes/create', 501, /volume driver "nfs"/, { body: { Driver: 'nfs' } }),
  post('/volumes/create', 400, /Labels must be an object/, { body: { Labels: 'x' } }),
  post('/build', 501, /building images is not supported/),
  post('/commit?container=web', 501, unsupported),
  post('/swarm/init', 501, /swarm mode is not supported/, { body: {} }),
  post('/auth', 501, /logging in to a registry is not supported/, { body: {} }),
  post('/corten/images/bootstrap', 400, /reference must be given/),
  post('/corten/images/bootstrap?reference=moon', 404, /nothing known about moon/),
  get('/corten/containers/nope/explain', 404, /No such container/),
];

describe('bad input is refused in words', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
  });
  after(async () => await api.close());

  for (const { what, method = 'GET', path, options = {}, status, message, code } of cases) {
    it(`${what} -> ${status}`, async () => {
      const answer = await api.request(method, path, options);
      assert.equal(answer.status, status, answer.body);
      if (status < 400) return;
      const body = answer.json() as { message: string };
      assert.deepEqual(Object.keys(body), ['message']);
      assert.match(body.message, message);
      assert.match(String(answer.headers['corten-error-code']), /^[a-z0-9-]+$/);
      if (code !== undefined) assert.equal(answer.headers['corten-error-code'], code);
    });
  }

  it('the connection survives every refusal', async () => {
    assert.equal((await api.request('GET', '/_ping')).body, 'OK');
  });

  it('malformed URLs and heads are answered, not fatal', async () => {
    for (const path of ['/containers/%E0%A4%A/json', '/%', '/containers/web/json?filters=%']) {
      const { status } = await api.request('GET', path);
      assert.ok(status === 400 || status === 404 || status === 200, `${path}: ${status}`);
    }
    const socket = await api.open('NONSENSE\r\n\r\n');
    await new Promise<void>((resolve) => {
      socket.on('close', () => resolve());
      socket.on('error', () => undefined);
      socket.resume();
      socket.end();
    });
    assert.equal((await api.request('GET', '/_ping')).status, 200);
  });

  it('what has its zero value asks for nothing', async () => {
    const zeros = { Links: null, DeviceRequests: [], StorageOpt: {}, Runtime: '', BlkioWeightDevice: [], Unheard: 0 };
    const answer = await api.request('POST', '/containers/create', { body: { Image: 'busybox', HostConfig: zeros } });
    assert.equal(answer.status, 201, answer.body);
  });

  it('304 has no body', async () => {
    const answer = await api.request('POST', '/containers/web/start');
    assert.equal(answer.status, 304);
    assert.equal(answer.body, '');
  });
});
