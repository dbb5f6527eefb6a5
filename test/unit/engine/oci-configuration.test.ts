import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { buildExecProcess, buildOciConfiguration } from '../../../src/engine/oci-configuration.ts';
import { capabilityNames } from '../../../src/kernel/index.ts';
import type { OciRuntimeConfiguration } from '../../../src/runtime/types.ts';
import { type ContainerWishes, containerFixture } from '../../support/container-fixture.ts';

const directory = new URL('../../reference/oci/runtime/', import.meta.url);
const schema = (name: string): object => JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as object;

const numberFormats = { int64: true, uint64: true, int32: true, uint32: true } as const;

function validator() {
  const ajv = new Ajv({ strict: false, allErrors: true, formats: numberFormats });
  for (const name of ['defs.json', 'defs-linux.json', 'config-linux.json']) ajv.addSchema(schema(name), name);
  return ajv.compile(schema('config-schema.json'));
}

const validate = validator();

const files: Readonly<Record<string, string>> = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv/web:/bin/sh\n',
  '/etc/group': 'root:x:0:\nwheel:x:10:web\nvideo:x:44:\n',
};

function build(wishes: ContainerWishes = {}, joined = {}): OciRuntimeConfiguration {
  return buildOciConfiguration({
    container: containerFixture(wishes),
    rootPath: '/run/corten/root',
    cgroupsPath: '/corten-test/c',
    cgroupVersion: 1,
    joined,
    readRootFile: (path) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
    defaultUlimits: [],
    heldCapabilities: capabilityNames,
  });
}

const refuses = (wishes: ContainerWishes, code: string): void => {
  assert.throws(() => build(wishes), { code });
};

test('what is written is valid by the OCI schemas', () => {
  const variants: readonly ContainerWishes[] = [
    {},
    { host: { privileged: true } },
    { configuration: { tty: true }, host: { consoleSize: [24, 80], readOnlyRoot: true, nanoCpus: 5e8 } },
    {
      effective: { user: 'web', workingDirectory: '/srv' },
      host: {
        capabilitiesAdded: ['NET_ADMIN'],
        capabilitiesDropped: ['ALL'],
        securityOptions: ['no-new-privileges'],
        sysctls: { 'net.ipv4.ip_forward': '1' },
        ulimits: [{ name: 'nofile', soft: 1024, hard: 2048 }],
        tmpfs: { '/tmp': 'size=1m' },
        devices: [{ hostPath: '/dev/null', containerPath: '/dev/nothing', permissions: 'r' }],
        deviceCgroupRules: ['c 10:* rwm'],
        oomScoreAdjust: 100,
        resources: { memoryBytes: 2 ** 26, pidsLimit: 10, cpusetCpus: '0', cpuShares: 512 },
      },
      mounts: [
        {
          type: 'bind',
          name: undefined,
          source: '/srv',
          target: '/data/inner',
          readOnly: true,
          propagation: 'rslave',
          recursive: true,
          options: [],
          mode: 'ro',
        },
      ],
      files: { hosts: '/h', hostname: '/n', resolvConf: '/r' },
    },
  ];
  for (const variant of variants) {
    // As stored: undefined members are gone.
    const written: unknown = JSON.parse(JSON.stringify(build(variant)));
    assert.ok(validate(written), JSON.stringify(validate.errors, null, 1));
  }
  assert.ok(!validate({ ociVersion: '1.2.0', root: {} }), 'the schema accepts anything');
});

test('the default container has 14 capabilities, none inheritable or ambient', () => {
  const { capabilities } = build().process;
  assert.equal(capabilities?.bounding.length, 14);
  assert.ok(capabilities.bounding.includes('CAP_NET_RAW'));
  assert.ok(!capabilities.bounding.includes('CAP_SYS_ADMIN'));
  assert.deepEqual(capabilities.inheritable, []);
  assert.deepEqual(capabilities.ambient, []);
});

test('capabilities are added and dropped with and without prefix, in any case', () => {
  const bounding = (host: NonNullable<ContainerWishes['host']>) => build({ host }).process.capabilities?.bounding ?? [];
  assert.ok(bounding({ capabilitiesAdded: ['net_admin'] }).includes('CAP_NET_ADMIN'));
  assert.ok(!bounding({ capabilitiesDropped: ['cap_net_raw'] }).includes('CAP_NET_RAW'));
  assert.deepEqual(bounding({ capabilitiesDropped: ['ALL'], capabilitiesAdded: ['CHOWN'] }), ['CAP_CHOWN']);
  assert.equal(bounding({ capabilitiesAdded: ['ALL'] }).length, capabilityNames.length);
  assert.equal(
    bounding({ capabilitiesAdded: ['ALL'], capabilitiesDropped: ['SYS_TIME'] }).length,
    capabilityNames.length - 1,
  );
  refuses({ host: { capabilitiesAdded: ['NOPE'] } }, 'unknown-capability');
  refuses({ host: { capabilitiesDropped: ['NOPE'] } }, 'unknown-capability');
});

test('privileged: what the daemon holds, no filter, nothing masked, writable sysfs, every device', () => {
  const { process, linux, mounts } = build({ host: { privileged: true } });
  assert.equal(process.capabilities?.bounding.length, capabilityNames.length);
  assert.equal(linux.seccomp, undefined);
  assert.deepEqual(linux.maskedPaths, []);
  assert.deepEqual(linux.readonlyPaths, []);
  assert.deepEqual(linux.resources?.devices, [{ allow: true, access: 'rwm' }]);
  const sysfs = mounts.find(({ destination }) => destination === '/sys');
  assert.ok(sysfs?.options?.includes('rw'));
});

test('seccomp: the default, none, and a profile of its own', () => {
  assert.equal(build().linux.seccomp?.defaultAction, 'SCMP_ACT_ERRNO');
  assert.equal(build({ host: { securityOptions: ['seccomp=unconfined'] } }).linux.seccomp, undefined);
  const profile = JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      { names: ['mkdir'], action: 'SCMP_ACT_ERRNO' },
      { names: ['chmod'], action: 'SCMP_ACT_ERRNO', includes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['chown'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_CHOWN'] } },
    ],
  });
  const custom = build({ host: { securityOptions: [`seccomp=${profile}`] } }).linux.seccomp;
  assert.deepEqual(
    custom?.syscalls?.flatMap(({ names }) => names),
    ['mkdir'],
  );
  refuses({ host: { securityOptions: ['seccomp={'] } }, 'bad-seccomp-profile');
  refuses({ host: { securityOptions: ['wrong=1'] } }, 'invalid-security-option');
});

test('namespaces follow the modes', () => {
  const types = (host: NonNullable<ContainerWishes['host']>, joined = {}) =>
    build({ host }, joined).linux.namespaces.map(({ type, path }) => (path === undefined ? type : `${type}=${path}`));
  assert.deepEqual(types({}), ['mount', 'pid', 'network', 'ipc', 'uts']);
  assert.deepEqual(types({ networkMode: 'host', pidMode: 'host', ipcMode: 'host', utsMode: 'host' }), ['mount']);
  assert.ok(types({ networkMode: 'container:x' }, { network: 42 }).includes('network=/proc/42/ns/net'));
  assert.ok(types({ cgroupnsMode: 'private' }).includes('cgroup'));
  refuses({ host: { pidMode: 'container:x' } }, 'joined-container-not-running');
});

test('sysctls of the host are refused', () => {
  refuses({ host: { sysctls: { 'kernel.panic': '1' } } }, 'sysctl-not-namespaced');
  refuses({ host: { networkMode: 'host', sysctls: { 'net.ipv4.ip_forward': '1' } } }, 'sysctl-not-namespaced');
  refuses({ host: { ipcMode: 'host', sysctls: { 'kernel.shmmax': '1' } } }, 'sysctl-not-namespaced');
  refuses({ host: { sysctls: { 'net/../kernel/panic': '1' } } }, 'sysctl-not-namespaced');
  assert.deepEqual(build({ host: { sysctls: { 'net.core.somaxconn': '9' } } }).linux.sysctl, {
    'net.core.somaxconn': '9',
  });
});

test("a user's mount replaces the default at its place; an outer mount comes before an inner one", () => {
  const destinations = build({
    host: { tmpfs: { '/a/b/c': '', '/dev/shm/': 'size=5m', '/a': '' } },
    files: { hosts: '/h' },
  }).mounts.map(({ destination }) => destination);
  assert.ok(destinations.indexOf('/a') < destinations.indexOf('/a/b/c'));
  assert.ok(destinations.includes('/etc/hosts'));
  assert.equal(destinations.filter((destination) => destination.startsWith('/dev/shm')).length, 1);
});

test('nothing is mounted over /proc or inside it, but for the files that lxcfs makes', () => {
  refuses({ host: { tmpfs: { '/proc': '' } } }, 'mount-inside-proc');
  refuses({ host: { tmpfs: { '//proc/sys/': '' } } }, 'mount-inside-proc');
  assert.ok(build({ host: { tmpfs: { '/proc/meminfo': '', '/process': '' } } }));
});

test('environment: defaults only where image and user say nothing', () => {
  const env = build({ effective: { env: ['A=1', 'PATH=/x'], user: 'web' }, configuration: { tty: true } }).process.env;
  assert.deepEqual(env, ['HOSTNAME=fixture', 'TERM=xterm', 'A=1', 'PATH=/x', 'HOME=/srv/web']);
});

test('limits of processes: own ones over the defaults, wrong ones refused', () => {
  refuses({ host: { ulimits: [{ name: 'nope', soft: 1, hard: 1 }] } }, 'invalid-ulimit');
  refuses({ host: { ulimits: [{ name: 'nofile', soft: 2, hard: 1 }] } }, 'invalid-ulimit');
});

test('devices: a missing one and a wrong rule are refused by name', () => {
  const device = { hostPath: '/dev/nothing-here', containerPath: '/dev/x', permissions: 'rwm' };
  refuses({ host: { devices: [device] } }, 'device-not-found');
  refuses({ host: { devices: [{ ...device, hostPath: '/dev/null', permissions: 'z' }] } }, 'invalid-device');
  refuses({ host: { deviceCgroupRules: ['x 1:2 r'] } }, 'invalid-device-rule');
});

test('exec inherits the environment and takes no capability beyond the container, unless privileged', () => {
  const container = containerFixture({ effective: { env: ['A=1', 'B=2'] } });
  const exec = {
    command: ['id'],
    user: '33',
    env: ['B=3'],
    workingDirectory: '',
    tty: false,
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    privileged: false,
    detachKeys: '',
    consoleSize: [0, 0] as const,
  };
  const input = {
    container,
    running: build(),
    exec,
    readRootFile: () => undefined,
    heldCapabilities: capabilityNames,
  };
  const process = buildExecProcess(input);
  assert.equal(process.user.uid, 33);
  assert.ok(process.env.includes('A=1') && process.env.includes('B=3') && !process.env.includes('B=2'));
  assert.equal(process.capabilities?.bounding.length, 14);
  assert.deepEqual(process.capabilities?.inheritable, []);
  const privileged = buildExecProcess({ ...input, exec: { ...exec, privileged: true } });
  assert.equal(privileged.capabilities?.bounding.length, capabilityNames.length);
});
