/** Mistakes through the Engine API: each gets an error of the right code that says what is wrong, and changes nothing. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Case, type Client, suite } from './suite.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function send(
  client: Client,
  method: string,
  path: string,
  body?: string | Buffer,
  contentType = 'application/json',
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath: client.daemon.socket,
        method,
        path,
        headers: body === undefined ? {} : { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) },
      },
      (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** Everything that a mistake must not change. */
async function state(client: Client): Promise<string> {
  const parts = ['/containers/json?all=1', '/images/json', '/volumes', '/networks/bridge'];
  const answers = await Promise.all(parts.map(async (path) => (await send(client, 'GET', path)).body));
  // Uptime words change by themselves.
  return answers.join('\n').replaceAll(/"Status":"[^"]*"/g, '');
}

interface Mistake {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  /** Sent as it is instead of JSON. */
  readonly raw?: string;
  readonly contentType?: string;
  readonly status: number | readonly number[];
  readonly message: RegExp;
  readonly notOnOracle?: string;
}

const create = (
  name: string,
  body: object,
  status: Mistake['status'],
  message: RegExp,
  notOnOracle?: string,
): Mistake => ({
  name,
  path: '/containers/create?name=mistake',
  body: { Image: 'busybox', ...body },
  status,
  message,
  ...(notOnOracle === undefined ? {} : { notOnOracle }),
});

const stricter = 'Docker lets it pass and fails later, or ignores it';

const mistakes: readonly Mistake[] = [
  { name: 'no JSON', path: '/containers/create', raw: '{', status: 400, message: /JSON|EOF/i },
  { name: 'JSON that is a list', path: '/containers/create', raw: '[]', status: 400, message: /./ },
  { name: 'no body', path: '/containers/create', status: 400, message: /./ },
  {
    name: 'the wrong content type',
    path: '/containers/create',
    raw: 'x=1',
    contentType: 'text/plain',
    status: [400, 415],
    message: /[Cc]ontent-Type|application\/json/,
  },
  create('no image', { Image: '' }, [400, 404], /[Nn]o.*image|[Nn]o command|invalid reference/),
  create('a missing image', { Image: 'ghost' }, 404, /No such image: ghost:latest/),
  create('an invalid image reference', { Image: 'Upper Case' }, 400, /invalid reference format/),
  create('Cmd of the wrong type', { Cmd: 7 }, 400, /Cmd|unmarshal/i),
  create('Env of the wrong type', { Env: { A: 'b' } }, 400, /Env|unmarshal/i),
  create('an Env entry without a name', { Env: ['=x'] }, 400, /invalid environment variable/),
  create(
    'an unknown restart policy',
    { HostConfig: { RestartPolicy: { Name: 'sometimes' } } },
    400,
    /invalid restart policy/,
  ),
  create(
    'a retry count with always',
    { HostConfig: { RestartPolicy: { Name: 'always', MaximumRetryCount: 3 } } },
    400,
    /maximum retry count/,
  ),
  create(
    'a negative retry count',
    { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: -1 } } },
    400,
    /maximum retry count cannot be negative/,
  ),
  create(
    'auto remove and restart',
    { HostConfig: { AutoRemove: true, RestartPolicy: { Name: 'always' } } },
    400,
    /AutoRemove|automatic.* removal|restart policy/,
  ),
  create('too little memory', { HostConfig: { Memory: 1024 } }, 400, /[Mm]inimum memory limit allowed is/),
  create(
    'swap without memory',
    { HostConfig: { MemorySwap: 67108864 } },
    400,
    /[Yy]ou should always set the Memory limit when using Memoryswap/,
  ),
  create(
    'swap below memory',
    { HostConfig: { Memory: 67108864, MemorySwap: 33554432 } },
    400,
    /larger than memory limit/,
  ),
  create(
    'a reservation above the limit',
    { HostConfig: { Memory: 33554432, MemoryReservation: 67108864 } },
    400,
    /[Mm]inimum memory limit|memory reservation/,
  ),
  create('swappiness out of range', { HostConfig: { MemorySwappiness: 101 } }, 400, /swappiness/),
  create('cpus and quota', { HostConfig: { NanoCpus: 1e9, CpuQuota: 50000 } }, 400, /[Cc]onflicting options/),
  create('more cpus than there are', { HostConfig: { NanoCpus: 1e12 } }, 400, /[Rr]ange of CPUs is from/),
  create('a period out of range', { HostConfig: { CpuPeriod: 1 } }, 400, /period/),
  create('a quota out of range', { HostConfig: { CpuQuota: 1 } }, 400, /quota/),
  create('a cpuset that is no list', { HostConfig: { CpusetCpus: 'a-b' } }, 400, /Invalid value a-b for cpuset cpus/),
  create('a cpu that is not there', { HostConfig: { CpusetCpus: '900' } }, 400, /[Rr]equested CPUs are not available/),
  create('a shm size below zero', { HostConfig: { ShmSize: -1 } }, 400, /SHM size can not be less than 0/),
  create(
    'an oom score out of range',
    { HostConfig: { OomScoreAdj: 5000 } },
    400,
    /oom score adj|range should be \[-1000, 1000\]/,
  ),
  create('an unknown capability', { HostConfig: { CapAdd: ['NONSENSE'] } }, 400, /NONSENSE/),
  create(
    'an unknown security option',
    { HostConfig: { SecurityOpt: ['nonsense=1'] } },
    [400, 500],
    /nonsense/,
    stricter,
  ),
  create('an unknown log driver', { HostConfig: { LogConfig: { Type: 'nonsense' } } }, 400, /nonsense/),
  create(
    'an unknown log option',
    { HostConfig: { LogConfig: { Type: 'json-file', Config: { nonsense: '1' } } } },
    400,
    /unknown log opt 'nonsense'/,
  ),
  create(
    'a log size that is no size',
    { HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': 'big' } } } },
    [400, 500],
    /max-size|invalid size/,
    stricter,
  ),
  create(
    'an unknown network mode',
    { HostConfig: { NetworkMode: 'container:' } },
    [400, 404, 500],
    /container/,
    stricter,
  ),
  create('an unknown pid mode', { HostConfig: { PidMode: 'nonsense' } }, 400, /invalid PID mode/, stricter),
  create('an unknown ipc mode', { HostConfig: { IpcMode: 'nonsense' } }, 400, /invalid IPC mode/, stricter),
  create('an unknown uts mode', { HostConfig: { UTSMode: 'nonsense' } }, 400, /invalid UTS mode/, stricter),
  create(
    'an unknown cgroup namespace mode',
    { HostConfig: { CgroupnsMode: 'nonsense' } },
    400,
    /invalid cgroup namespace mode/,
  ),
  create(
    'a hostname with the network of the host and uts of the host',
    { Hostname: 'x', HostConfig: { UTSMode: 'host' } },
    400,
    /conflicting options: hostname and the UTS mode|[Cc]onflicting options/,
  ),
  create('a bind to a relative path', { HostConfig: { Binds: ['/tmp:relative'] } }, 400, /invalid mount path|absolute/),
  create('a bind with an unknown mode', { HostConfig: { Binds: ['/tmp:/x:nonsense'] } }, 400, /invalid mode: nonsense/),
  create('a bind of the root', { HostConfig: { Binds: ['/tmp:/'] } }, 400, /destination can't be '\/'/),
  create(
    'two binds on one path',
    { HostConfig: { Binds: ['/tmp:/x', '/var:/x'] } },
    400,
    /[Dd]uplicate mount point: \/x/,
  ),
  create(
    'an invalid volume name',
    { HostConfig: { Binds: ['!bad:/x'] } },
    400,
    /includes invalid characters for a local volume name/,
  ),
  create(
    'a mount of an unknown type',
    { HostConfig: { Mounts: [{ Type: 'nonsense', Source: '/tmp', Target: '/x' }] } },
    400,
    /mount type/,
  ),
  create('a mount without a target', { HostConfig: { Mounts: [{ Type: 'bind', Source: '/tmp' }] } }, 400, /Target/),
  create('a bind mount without a source', { HostConfig: { Mounts: [{ Type: 'bind', Target: '/x' }] } }, 400, /Source/),
  create(
    'a bind mount of a missing path',
    { HostConfig: { Mounts: [{ Type: 'bind', Source: '/no/such', Target: '/x' }] } },
    400,
    /bind source path does not exist: \/no\/such/,
  ),
  create(
    'a tmpfs with a source',
    { HostConfig: { Mounts: [{ Type: 'tmpfs', Source: '/tmp', Target: '/x' }] } },
    400,
    /Source must not be specified|Source/,
  ),
  create(
    'a working directory that is relative',
    { WorkingDir: 'relative' },
    400,
    /working directory 'relative' is invalid/,
  ),
  create(
    'an exposed port out of range',
    { ExposedPorts: { '99999/tcp': {} } },
    [400, 500],
    /99999|[Ii]nvalid.*port/,
    stricter,
  ),
  create(
    'an exposed port of an unknown protocol',
    { ExposedPorts: { '80/nonsense': {} } },
    [400, 500],
    /nonsense|proto/,
    stricter,
  ),
  create(
    'a host port that is no number',
    { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: 'x' }] } } },
    [400, 500],
    /[Ii]nvalid port/,
  ),
  create(
    'a host address that is none',
    { HostConfig: { PortBindings: { '80/tcp': [{ HostIp: 'nonsense', HostPort: '1' }] } } },
    [400, 500],
    /nonsense/,
    stricter,
  ),
  create(
    'an unknown ulimit',
    { HostConfig: { Ulimits: [{ Name: 'nonsense', Soft: 1, Hard: 1 }] } },
    [400, 500],
    /nonsense/,
    stricter,
  ),
  create(
    'a soft limit above the hard one',
    { HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 9, Hard: 1 }] } },
    [400, 500],
    /soft limit|ulimit/,
    stricter,
  ),
  create(
    'a health check interval of a nanosecond',
    { Healthcheck: { Test: ['CMD', 'true'], Interval: 1 } },
    400,
    /Interval in Healthcheck cannot be less than/,
  ),
  create(
    'a health check with negative retries',
    { Healthcheck: { Test: ['CMD', 'true'], Retries: -1 } },
    400,
    /Retries in Healthcheck cannot be negative/,
  ),
  create(
    'an unknown kind of health check',
    { Healthcheck: { Test: ['NONSENSE'] } },
    [400, 500],
    /[Uu]nknown type|NONSENSE/,
    stricter,
  ),
  create('an unknown stop signal', { StopSignal: 'SIGNONSENSE' }, 400, /[Ii]nvalid signal: SIGNONSENSE/),
  create('volumes from a missing container', { HostConfig: { VolumesFrom: ['ghost'] } }, [404, 400], /ghost/),
  create('an unknown runtime', { HostConfig: { Runtime: 'nonsense' } }, [400, 501], /nonsense/),
  create(
    'device permissions that are none',
    { HostConfig: { Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'xyz' }] } },
    [400, 500],
    /xyz|permissions/,
    stricter,
  ),
  create(
    'a sysctl outside of the namespaces',
    { HostConfig: { Sysctls: { 'vm.swappiness': '1' } } },
    [400, 500],
    /vm\.swappiness/,
    stricter,
  ),
  create('a mac address that is none', { MacAddress: 'nonsense' }, 400, /mac/i, stricter),
  create('a pids limit of the wrong type', { HostConfig: { PidsLimit: 'many' } }, 400, /PidsLimit|unmarshal/),
  {
    name: 'a bad name',
    path: '/containers/create?name=!x',
    body: { Image: 'busybox' },
    status: 400,
    message: /Invalid container name \(!x\)/,
  },
  {
    name: 'a name in use',
    path: '/containers/create?name=kept',
    body: { Image: 'busybox' },
    status: 409,
    message: /already in use by container/,
  },
  {
    name: 'start of what is not there',
    path: '/containers/ghost/start',
    status: 404,
    message: /No such container: ghost/,
  },
  { name: 'stop with a timeout that is no number', path: '/containers/kept/stop?t=soon', status: 400, message: /soon/ },
  { name: 'kill of a stopped container', path: '/containers/kept/kill', status: 409, message: /is not running/ },
  {
    name: 'kill with a bad signal',
    path: '/containers/kept/kill?signal=NONSENSE',
    status: 400,
    message: /[Ii]nvalid signal: NONSENSE/,
  },
  { name: 'pause of a stopped container', path: '/containers/kept/pause', status: 409, message: /is not running/ },
  {
    name: 'unpause of a stopped container',
    path: '/containers/kept/unpause',
    status: [409, 500],
    message: /is not paused|is not running/,
  },
  { name: 'rename to nothing', path: '/containers/kept/rename?name=', status: [400, 500], message: /name/i },
  {
    name: 'rename to a bad name',
    path: '/containers/kept/rename?name=!x',
    status: [400, 500],
    message: /Invalid container name/,
  },
  {
    name: 'wait with an unknown condition',
    path: '/containers/kept/wait?condition=nonsense',
    status: 400,
    notOnOracle: stricter,
    message: /invalid condition: "nonsense"|nonsense/,
  },
  {
    name: 'resize of a stopped container',
    path: '/containers/kept/resize?h=1&w=1',
    status: 409,
    message: /is not running/,
  },
  { name: 'resize without numbers', path: '/containers/kept/resize?h=a&w=b', status: 400, message: /./ },
  {
    name: 'logs of no stream',
    method: 'GET',
    path: '/containers/kept/logs',
    status: 400,
    message: /you must choose at least one stream/,
  },
  {
    name: 'logs with a bad tail and since',
    method: 'GET',
    path: '/containers/kept/logs?stdout=1&since=never',
    status: 400,
    message: /never|invalid/,
  },
  {
    name: 'top of a stopped container',
    method: 'GET',
    path: '/containers/kept/top',
    status: 409,
    message: /is not running/,
  },
  {
    name: 'exec in a stopped container',
    path: '/containers/kept/exec',
    body: { Cmd: ['true'] },
    status: 409,
    message: /is not running/,
  },
  {
    name: 'exec without a command',
    path: '/containers/kept/exec',
    body: {},
    status: [400, 409],
    message: /No exec command specified|is not running/,
  },
  {
    name: 'start of an unknown exec',
    path: '/exec/ghost/start',
    body: {},
    status: 404,
    message: /No such exec instance/,
  },
  {
    name: 'inspect of an unknown exec',
    method: 'GET',
    path: '/exec/ghost/json',
    status: 404,
    message: /No such exec instance/,
  },
  {
    name: 'update with an impossible limit',
    path: '/containers/kept/update',
    body: { Memory: 1024 },
    status: 400,
    message: /[Mm]inimum memory limit/,
  },
  {
    name: 'update to an unknown policy',
    path: '/containers/kept/update',
    body: { RestartPolicy: { Name: 'sometimes' } },
    status: 400,
    message: /invalid restart policy/,
  },
  {
    name: 'list with a filter that is no JSON',
    method: 'GET',
    path: '/containers/json?filters=x',
    status: 400,
    message: /./,
  },
  {
    name: 'list with an unknown filter',
    method: 'GET',
    path: `/containers/json?filters=${encodeURIComponent('{"nonsense":["1"]}')}`,
    status: 400,
    message: /[Ii]nvalid filter '?nonsense/,
  },
  {
    name: 'list with a limit that is no number',
    method: 'GET',
    path: '/containers/json?limit=x',
    status: 400,
    message: /./,
    notOnOracle: 'Docker answers 500',
  },
  {
    name: 'delete of what is not there',
    method: 'DELETE',
    path: '/containers/ghost',
    status: 404,
    message: /No such container: ghost/,
  },
  {
    name: 'tag to an invalid name',
    path: '/images/busybox/tag?repo=UPPER&tag=1',
    status: 400,
    message: /lowercase|invalid reference/,
  },
  {
    name: 'an image that is not there',
    method: 'GET',
    path: '/images/ghost/json',
    status: 404,
    message: /No such image: ghost/,
  },
  {
    name: 'delete of an image that is not there',
    method: 'DELETE',
    path: '/images/ghost',
    status: 404,
    message: /No such image: ghost/,
  },
  {
    name: 'delete of an image in use',
    method: 'DELETE',
    path: '/images/busybox',
    status: 409,
    message: /conflict: unable to remove repository reference/,
  },
  {
    name: 'load of rubbish',
    path: '/images/load',
    raw: 'rubbish that is no archive',
    contentType: 'application/x-tar',
    status: [200, 400, 500],
    message: /./,
  },
  {
    name: 'a network that is not there',
    method: 'GET',
    path: '/networks/ghost',
    status: 404,
    message: /network ghost not found/,
  },
  {
    name: 'a volume that is not there',
    method: 'GET',
    path: '/volumes/ghost',
    status: 404,
    message: /no such volume/i,
  },
  {
    name: 'a volume with a bad name',
    path: '/volumes/create',
    body: { Name: '!bad' },
    status: 400,
    message: /only.*are allowed/,
  },
  {
    name: 'a volume of an unknown driver',
    path: '/volumes/create',
    body: { Name: 'v', Driver: 'nonsense' },
    status: [400, 404, 500, 501],
    message: /nonsense/,
  },
  {
    name: 'events with a since that is no time',
    method: 'GET',
    path: '/events?since=never',
    status: 400,
    message: /never|invalid/,
  },
  { name: 'an unknown page', method: 'GET', path: '/nonsense', status: 404, message: /page not found/ },
  {
    name: 'a version that is too new',
    method: 'GET',
    path: '/v1.99/containers/json',
    status: 400,
    message: /client version 1\.99 is too new/,
  },
];

/** Asks until an answer of the stream API is over; an error may come in a 200 stream as a JSON line. */
function errorText(answer: Answer): string {
  try {
    const parsed = JSON.parse(answer.body) as {
      readonly message?: string;
      readonly errorDetail?: { readonly message: string };
    };
    return parsed.message ?? parsed.errorDetail?.message ?? answer.body;
  } catch {
    return answer.body;
  }
}

const cases: readonly Case[] = mistakes.map((mistake) => ({
  name: mistake.name,
  ...(mistake.notOnOracle === undefined ? {} : { notOnOracle: mistake.notOnOracle }),
  async run(client) {
    await client.ok('create', '--name', 'kept', 'busybox');
    const before = await state(client);
    const body = mistake.raw ?? (mistake.body === undefined ? undefined : JSON.stringify(mistake.body));
    const answer = await send(client, mistake.method ?? 'POST', mistake.path, body, mistake.contentType);
    const statuses = typeof mistake.status === 'number' ? [mistake.status] : mistake.status;
    // Docker 20.10 answers 500 to many mistakes of the client; later versions, and Corten, answer 400.
    const allowed = client.isOracle && statuses.includes(400) ? [...statuses, 500] : statuses;
    assert.ok(allowed.includes(answer.status), `${answer.status} ${answer.body}`);
    // A stream that began with 200 must end in an error line.
    if (answer.status === 200) assert.match(answer.body, /"errorDetail"/);
    assert.match(errorText(answer), mistake.message);
    assert.equal(await state(client), before);
  },
}));

suite('bad input', cases);
