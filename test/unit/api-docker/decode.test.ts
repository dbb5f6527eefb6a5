import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { containerConfiguration } from '../../../src/api/docker/decode/container-configuration.ts';
import { parseDuration } from '../../../src/api/docker/decode/duration.ts';
import { flag, integer, parseMoment } from '../../../src/api/docker/decode/query.ts';
import { startTestApi, type TestApi } from './client.ts';

/** What docker 28 sends for `docker run -p 8080:80 -v /a:/b --memory 64m -e A=1 busybox sh`, word for word. */
const dockerRun = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: true,
  AttachStderr: true,
  ExposedPorts: { '80/tcp': {} },
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: ['A=1'],
  Cmd: ['sh'],
  Image: 'busybox',
  Volumes: {},
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
  HostConfig: {
    Binds: ['/a:/b'],
    ContainerIDFile: '',
    LogConfig: { Type: '', Config: {} },
    NetworkMode: 'default',
    PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    AutoRemove: false,
    VolumeDriver: '',
    VolumesFrom: null,
    ConsoleSize: [24, 80],
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: '',
    Dns: [],
    DnsOptions: [],
    DnsSearch: [],
    ExtraHosts: null,
    GroupAdd: null,
    IpcMode: '',
    Cgroup: '',
    Links: null,
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: false,
    PublishAllPorts: false,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    UTSMode: '',
    UsernsMode: '',
    ShmSize: 0,
    Isolation: '',
    CpuShares: 0,
    Memory: 67108864,
    NanoCpus: 0,
    CgroupParent: '',
    BlkioWeight: 0,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    BlkioDeviceWriteBps: [],
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [],
    CpuPeriod: 0,
    CpuQuota: 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: '',
    CpusetMems: '',
    Devices: [],
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: 0,
    MemorySwap: 0,
    MemorySwappiness: -1,
    OomKillDisable: false,
    PidsLimit: 0,
    Ulimits: [],
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    MaskedPaths: null,
    ReadonlyPaths: null,
  },
  NetworkingConfig: {
    EndpointsConfig: {
      default: {
        IPAMConfig: null,
        Links: null,
        Aliases: null,
        MacAddress: '',
        DriverOpts: null,
        GwPriority: 0,
        NetworkID: '',
        EndpointID: '',
        Gateway: '',
        IPAddress: '',
        IPPrefixLen: 0,
        IPv6Gateway: '',
        GlobalIPv6Address: '',
        GlobalIPv6PrefixLen: 0,
        DNSNames: null,
      },
    },
  },
};

describe('decoding a create request', () => {
  it('takes what the docker command line sends', () => {
    const { host, ...configuration } = containerConfiguration(dockerRun);
    assert.equal(configuration.image, 'busybox');
    assert.deepEqual(configuration.command, ['sh']);
    assert.equal(configuration.entrypoint, undefined);
    assert.deepEqual(configuration.exposedPorts, ['80/tcp']);
    assert.deepEqual(host.resources, { memoryBytes: 67108864 });
    assert.deepEqual(host.portBindings, [{ containerPort: 80, protocol: 'tcp', hostAddress: '', hostPort: '8080' }]);
    assert.deepEqual(host.consoleSize, [24, 80]);
    assert.deepEqual(host.log, { driver: 'json-file', options: {} });
    assert.equal(host.networkMode, 'default');
    assert.equal(host.maskedPaths, undefined);
    assert.equal(host.init, undefined);
    assert.deepEqual(host.raw, dockerRun.HostConfig);
  });

  it('takes the little that other clients send', () => {
    const { host, ...configuration } = containerConfiguration({ Image: 'busybox' });
    assert.equal(configuration.command, undefined);
    assert.deepEqual(host.restartPolicy, { name: 'no', maximumRetryCount: 0 });
    assert.equal(host.networkMode, 'default');
    assert.deepEqual(host.resources, {});
  });

  it('tells an empty list from nothing, and takes one string for a list', () => {
    const cleared = containerConfiguration({ Image: 'a', Cmd: [], Entrypoint: [''] });
    assert.deepEqual(cleared.command, []);
    assert.deepEqual(cleared.entrypoint, ['']);
    assert.deepEqual(containerConfiguration({ Image: 'a', Cmd: 'true' }).command, ['true']);
    assert.deepEqual(containerConfiguration({ HostConfig: { MaskedPaths: [] } }).host.maskedPaths, []);
  });

  it('matches names regardless of case, as Go does', () => {
    const { image, host } = containerConfiguration({ image: 'a', hostconfig: { memory: 7, NanoCPUs: 5 } });
    assert.equal(image, 'a');
    assert.equal(host.resources.memoryBytes, 7);
    assert.equal(host.nanoCpus, 5);
  });

  it('takes the hardware address of either place', () => {
    assert.equal(containerConfiguration({ MacAddress: '02:00:00:00:00:01' }).host.macAddress, '02:00:00:00:00:01');
    const endpoints = { EndpointsConfig: { bridge: { MacAddress: '02:00:00:00:00:02' } } };
    assert.equal(containerConfiguration({ NetworkingConfig: endpoints }).host.macAddress, '02:00:00:00:00:02');
  });

  it('expands port ranges, and publishes a port without binding anywhere', () => {
    const { host, exposedPorts } = containerConfiguration({
      ExposedPorts: { '7000-7002/udp': {}, '53': {} },
      HostConfig: {
        PortBindings: { '90': [], '91/tcp': [{ HostIp: '::1', HostPort: '0' }, { HostPort: '8000-8010' }] },
      },
    });
    assert.deepEqual([...exposedPorts].sort(), ['53/tcp', '7000/udp', '7001/udp', '7002/udp']);
    assert.deepEqual(host.portBindings, [
      { containerPort: 90, protocol: 'tcp', hostAddress: '', hostPort: '' },
      { containerPort: 91, protocol: 'tcp', hostAddress: '::1', hostPort: '' },
      { containerPort: 91, protocol: 'tcp', hostAddress: '', hostPort: '8000-8010' },
    ]);
  });

  it('maps the three kinds of mounts', () => {
    const { host } = containerConfiguration({
      HostConfig: {
        Mounts: [
          {
            Type: 'bind',
            Source: '/a',
            Target: '/b',
            ReadOnly: true,
            BindOptions: { Propagation: 'rslave', NonRecursive: true },
          },
          {
            Type: 'volume',
            Source: 'v',
            Target: '/v',
            VolumeOptions: { NoCopy: true, Subpath: 's', Labels: { a: 'b' } },
          },
          {
            Type: 'tmpfs',
            Target: '/t',
            TmpfsOptions: { SizeBytes: 5, Mode: 0o700, Options: [['exec'], ['uid', '5']] },
          },
        ],
      },
    });
    assert.deepEqual(host.mounts, [
      {
        type: 'bind',
        source: '/a',
        target: '/b',
        readOnly: true,
        propagation: 'rslave',
        createSource: false,
        recursive: false,
      },
      { type: 'volume', source: 'v', target: '/v', readOnly: false, noCopy: true, subpath: 's', labels: { a: 'b' } },
      { type: 'tmpfs', target: '/t', sizeBytes: 5, mode: 0o700, options: ['exec', 'uid=5'] },
    ]);
  });

  it('a label named __proto__ is a label', () => {
    const body: unknown = JSON.parse(
      '{"Image":"a","Labels":{"__proto__":"x"},"HostConfig":{"Annotations":{"constructor":"y"}}}',
    );
    const { labels, host } = containerConfiguration(body);
    assert.deepEqual(Object.keys(labels), ['__proto__']);
    assert.deepEqual(Object.keys(host.annotations), ['constructor']);
  });
});

describe('decoding parameters', () => {
  it('truth as dockerd has it', () => {
    for (const value of ['1', 'true', 'True', 'yes', 'x']) assert.equal(flag({ a: value }, 'a'), true, value);
    for (const value of ['', '0', 'false', 'FALSE', 'no', 'none']) assert.equal(flag({ a: value }, 'a'), false, value);
    assert.equal(flag({}, 'a'), false);
    assert.equal(flag({}, 'a', true), true);
  });

  it('integers', () => {
    assert.equal(integer({ a: '-3' }, 'a'), -3);
    assert.equal(integer({ a: '' }, 'a'), undefined);
    for (const value of ['1.5', 'x', '1e3', '99999999999999999999']) {
      assert.throws(() => integer({ a: value }, 'a'), /invalid value for a/, value);
    }
  });

  it('moments and durations', () => {
    assert.equal(parseMoment('t', '1.5'), 1_500_000_000n);
    assert.equal(parseMoment('t', '1767323045.123456789'), 1_767_323_045_123_456_789n);
    assert.equal(parseMoment('t', '2026-01-02T03:04:05.123456789Z'), 1_767_323_045_123_456_789n);
    assert.equal(parseMoment('t', '2026-01-02T04:04:05+01:00'), 1_767_323_045_000_000_000n);
    assert.equal(parseDuration('1h30m'), 5_400_000_000_000n);
    assert.equal(parseDuration('1.5s'), 1_500_000_000n);
    assert.equal(parseDuration('10'), undefined);
    assert.equal(parseDuration(''), undefined);
  });
});

describe('filters of the container list', () => {
  let api: TestApi;
  before(async () => {
    api = await startTestApi();
    await api.request('POST', '/containers/create?name=idle', { body: { Image: 'busybox', Labels: { team: 'red' } } });
  });
  after(async () => await api.close());

  const names = async (query: string): Promise<readonly string[]> => {
    const answer = await api.request('GET', `/containers/json?${query}`);
    assert.equal(answer.status, 200, answer.body);
    return (answer.json() as { Names: [string] }[]).map(({ Names: [name] }) => name).sort();
  };
  const filtered = async (filters: object, more = 'all=1'): Promise<readonly string[]> =>
    await names(`${more}&filters=${encodeURIComponent(JSON.stringify(filters))}`);

  it('only running ones unless all, a state or a number is asked for', async () => {
    assert.deepEqual(await names(''), ['/web']);
    assert.deepEqual(await names('all=1'), ['/idle', '/web']);
    assert.equal((await names('limit=1')).length, 1);
    assert.deepEqual(await filtered({ status: ['created'] }, ''), ['/idle']);
  });

  const cases: readonly (readonly [object, readonly string[]])[] = [
    [{ name: ['^/web$'] }, ['/web']],
    [{ name: ['e'] }, ['/idle', '/web']],
    [{ name: ['['] }, []],
    [{ id: ['aaa'] }, ['/web']],
    [{ label: ['team'] }, ['/idle', '/web']],
    [{ label: ['team=red'] }, ['/idle']],
    [{ label: { 'team=red': true } }, ['/idle']],
    [{ 'label!': ['team=red'] }, ['/web']],
    [{ label: ['team', 'team=blue'] }, ['/web']],
    [{ status: ['running', 'created'] }, ['/idle', '/web']],
    [{ health: ['healthy'] }, ['/web']],
    [{ health: ['none'] }, ['/idle']],
    [{ exited: ['0'] }, []],
    [{ ancestor: ['busybox'] }, ['/idle', '/web']],
    [{ ancestor: ['absent'] }, []],
    [{ volume: ['data'] }, ['/idle', '/web']],
    [{ volume: ['/nowhere'] }, []],
    [{ network: ['bridge'] }, ['/idle', '/web']],
    [{ network: ['dddd'] }, ['/web']],
    [{ publish: ['80'] }, ['/web']],
    [{ publish: ['81/tcp'] }, []],
    [{ expose: ['443/tcp'] }, ['/idle', '/web']],
    [{ expose: ['8000-8080/tcp'] }, []],
    [{ 'is-task': ['true'] }, []],
    [{ 'is-task': ['false'] }, ['/idle', '/web']],
    [{ status: ['running'], label: ['team=red'] }, []],
  ];
  for (const [filters, expected] of cases) {
    it(JSON.stringify(filters), async () => {
      assert.deepEqual(await filtered(filters), expected);
    });
  }
});
