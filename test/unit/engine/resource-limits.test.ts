import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkResources } from '../../../src/engine/resource-limits.ts';
import type { CgroupCapabilities } from '../../../src/kernel/index.ts';
import type { ResourceLimits } from '../../../src/runtime/types.ts';

const everything: CgroupCapabilities = {
  version: 1,
  controllers: [],
  memoryLimit: true,
  swapLimit: true,
  memoryReservation: true,
  memorySwappiness: true,
  oomKillDisable: true,
  cpuShares: true,
  cpuCfs: true,
  cpuRealtime: true,
  cpuset: true,
  pids: true,
  blkioWeight: true,
  devices: true,
  cpus: '0-1',
  mems: '0',
};

const check = (limits: ResourceLimits, kernel: Partial<CgroupCapabilities> = {}, nanoCpus = 0) =>
  checkResources({ limits, nanoCpus, hostCpus: 2 }, { ...everything, ...kernel });

const mebibyte = 1024 * 1024;

test('swap is twice the memory unless said otherwise, and zeros are no wish', () => {
  assert.deepEqual(check({ memoryBytes: 64 * mebibyte, cpuShares: 0, cpusetCpus: '' }), {
    limits: { memoryBytes: 64 * mebibyte, memorySwapBytes: 128 * mebibyte },
    warnings: [],
  });
  assert.equal(check({ memoryBytes: 64 * mebibyte, memorySwapBytes: -1 }).limits.memorySwapBytes, -1);
});

test('impossible values are refused with a code of their own', () => {
  const cases: readonly (readonly [ResourceLimits, string])[] = [
    [{ memoryBytes: mebibyte }, 'memory-limit-too-low'],
    [{ memoryBytes: 64 * mebibyte, memorySwapBytes: 32 * mebibyte }, 'swap-below-memory'],
    [{ memorySwapBytes: 32 * mebibyte }, 'swap-without-memory'],
    [{ memoryBytes: 8 * mebibyte, memoryReservationBytes: 9 * mebibyte }, 'memory-below-reservation'],
    [{ memorySwappiness: 101 }, 'swappiness-out-of-range'],
    [{ cpuPeriodMicroseconds: 1 }, 'cpu-period-out-of-range'],
    [{ cpuQuotaMicroseconds: 1 }, 'cpu-quota-out-of-range'],
    [{ cpusetCpus: '0-7' }, 'cpuset-unavailable'],
    [{ cpusetCpus: 'x' }, 'cpuset-invalid'],
    [{ blkioWeight: 5 }, 'blkio-weight-out-of-range'],
  ];
  for (const [limits, code] of cases) assert.throws(() => check(limits), { code, kind: 'invalid-argument' });
  assert.throws(() => check({}, {}, 3e9), { code: 'cpus-out-of-range' });
  assert.throws(() => check({ cpuQuotaMicroseconds: 5000 }, {}, 1e9), { code: 'cpu-conflict' });
});

test('what this kernel cannot do is left out with a warning, real-time scheduling is an error', () => {
  const { limits, warnings } = check(
    { memoryBytes: 64 * mebibyte, pidsLimit: 5, blkioWeight: 100, cpuShares: 2 },
    { swapLimit: false, pids: false, blkioWeight: false, cpuShares: false },
  );
  assert.deepEqual(limits, { memoryBytes: 64 * mebibyte });
  assert.equal(warnings.length, 4);
  assert.match(
    warnings.join('\n'),
    /swap limit capabilities or the cgroup is not mounted\. Memory limited without swap/,
  );
  assert.throws(() => check({ cpuRealtimeRuntimeMicroseconds: 5 }, { cpuRealtime: false }), {
    code: 'cpu-realtime-not-supported',
    message: 'Your kernel does not support CPU real-time runtime',
  });
});
