import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diskUsage } from '../../../src/engine/disk-usage.ts';
import { type HostFacts, systemInformation } from '../../../src/engine/information.ts';
import { containerStatistics } from '../../../src/engine/statistics.ts';
import type { Container, ContainerStatus } from '../../../src/engine/types.ts';
import type { Image } from '../../../src/image/types.ts';
import type { ResourceStatistics } from '../../../src/runtime/types.ts';
import type { Volume } from '../../../src/volume/types.ts';

const container = (id: string, status: ContainerStatus, imageId = 'i1', volumes: readonly string[] = []): Container =>
  ({
    id,
    imageId,
    state: { status },
    mounts: volumes.map((name) => ({ type: 'volume', name })),
  }) as unknown as Container;

const host: HostFacts = {
  name: 'host',
  kernelVersion: '6.1.0',
  operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
  architecture: 'x86_64',
  cpus: 2,
  memoryBytes: 1024,
  cgroups: {
    version: 2,
    controllers: ['cpu', 'memory'],
    memoryLimit: true,
    swapLimit: false,
    memoryReservation: true,
    memorySwappiness: true,
    oomKillDisable: true,
    cpuShares: true,
    cpuCfs: true,
    cpuRealtime: true,
    cpuset: true,
    pids: false,
    blkioWeight: true,
    devices: true,
    cpus: '0-1',
    mems: '0',
  },
};

describe('system information', () => {
  it('counts each container once and warns in the words of Docker', () => {
    const statuses: ContainerStatus[] = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
    const information = systemInformation({
      id: 'id',
      host,
      containers: statuses.map((status, index) => container(String(index), status)),
      images: 3,
      dataRoot: '/data',
      loggingDriver: 'json-file',
      labels: ['a=b'],
      debug: false,
      eventListeners: 1,
    });
    assert.deepEqual(information.containers, { total: 7, running: 2, paused: 1, stopped: 4 });
    assert.ok(information.warnings.includes('WARNING: No swap limit support'));
    assert.ok(information.warnings.includes('WARNING: No pids limit support'));
    assert.ok(!information.warnings.includes('WARNING: No memory limit support'));
  });
});

describe('disk usage', () => {
  it('tells what refers to what, also while something is removed', async () => {
    const images = ['i1', 'i2'].map((id) => ({ id }) as Image);
    const usage = await diskUsage({
      containers: {
        list: () => [
          container('a', 'running', 'i1', ['v1']),
          container('b', 'exited', 'i1', ['v1']),
          container('c', 'dead'),
        ],
        size: async (id) => {
          if (id === 'c') throw new Error('removed meanwhile');
          return { writable: 5, root: 10 };
        },
      },
      images: {
        list: () => images,
        diskUsage: async () => ({ layersSize: 100, images: new Map([['i1', { sharedSize: 7 }]]) }),
      },
      volumes: {
        list: () => ['v1', 'v2'].map((name) => ({ name }) as Volume),
        usage: async (name) => (name === 'v1' ? 42 : Promise.reject(new Error('removed meanwhile'))),
      },
    });
    assert.equal(usage.layersSize, 100);
    assert.deepEqual(
      usage.images.map(({ image, sharedSize, containers }) => [image.id, sharedSize, containers]),
      [
        ['i1', 7, 3],
        ['i2', 0, 0],
      ],
    );
    assert.deepEqual(
      usage.containers.map(({ size }) => size.writable),
      [5, 5, 0],
    );
    assert.deepEqual(usage.volumes, [
      { name: 'v1', size: 42, references: 2 },
      { name: 'v2', size: 0, references: 0 },
    ]);
  });
});

describe('statistics', () => {
  it('are those of the process and of its network', async () => {
    const resources = { cgroupVersion: 2 } as ResourceStatistics;
    const asked: number[] = [];
    const statistics = await containerStatistics(
      {
        interfaceStatistics: async (pid) => {
          asked.push(pid);
          return [];
        },
      },
      {
        record: {
          pid: 42,
          startTime: '',
          monitorPid: 1,
          monitorStartTime: '',
          stateDirectory: '',
          cgroupPath: '',
        },
        statistics: async () => resources,
      },
      2,
    );
    assert.equal(statistics.resources, resources);
    assert.deepEqual(asked, [42]);
  });

  it('are zero for a container that does not run', async () => {
    const networks = { interfaceStatistics: async () => Promise.reject(new Error('nothing to read')) };
    const { resources, networks: interfaces } = await containerStatistics(networks, undefined, 1);
    assert.equal(resources.cpu.totalNanoseconds, 0);
    assert.equal(resources.cgroupVersion, 1);
    assert.deepEqual(interfaces, []);
  });
});
