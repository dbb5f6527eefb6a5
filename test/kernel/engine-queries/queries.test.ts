import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import { explainContainer } from '../../../src/engine/explain.ts';
import { exportContainer } from '../../../src/engine/export.ts';
import { containerStatistics } from '../../../src/engine/statistics.ts';
import { topContainer } from '../../../src/engine/top.ts';
import type { Container } from '../../../src/engine/types.ts';
import type { RootFilesystem } from '../../../src/runtime/types.ts';
import { containerFixture } from '../../support/container-fixture.ts';
import { eventually } from '../../support/eventually.ts';
import { Sandbox, type Started } from '../runtime/sandbox.ts';

/** What is told about a running container with a writable layer over one image layer. */

const script = 'echo changed > /etc/group; echo new > /root/new; rm /etc/not-executable; echo ready; exec sleep 1000';

let sandbox: Sandbox;
let started: Started;
let root: RootFilesystem;
let container: Container;

const networks = {
  explain: () => Promise.reject(new Error('it has no network')),
  interfaceStatistics: () => Promise.resolve([]),
};

const noMerge = (): number => {
  throw new Error('the root of a running container must not be mounted twice');
};

async function explain(path?: string) {
  return await explainContainer(
    {
      snapshots: {
        root: () => root,
        openMerged: noMerge,
        layerDirectories: () => [{ directory: sandbox.rootDirectory, diffId: 'sha256:base' }],
      },
      networks,
      cgroups: sandbox.runtime.cgroups,
      running: () => [{ name: container.name, pid: container.state.pid }],
    },
    container,
    started.container.record.cgroupPath,
    path,
  );
}

describe('queries of a running container', { timeout: 120_000 }, () => {
  before(async () => {
    sandbox = new Sandbox();
    const [upper, work] = ['upper', 'work'].map((name) => join(sandbox.directory, name));
    root = {
      kind: 'overlay',
      layersDirectory: sandbox.directory,
      lower: ['rootfs'],
      upper: upper ?? '',
      work: work ?? '',
    };
    for (const directory of [root.upper, root.work]) mkdirSync(directory);
    started = await sandbox.start(script, {}, { root });
    await eventually(() => sandbox.output(started).includes('ready'), 30_000, 'the container being ready');
    const fixture = containerFixture({});
    container = { ...fixture, state: { ...fixture.state, status: 'running', pid: started.container.record.pid } };
  });

  after(async () => {
    await started.container.killAll();
    await started.finish();
    await sandbox.close();
  });

  it('explain: namespaces, cgroups, mounts and what the process may do', async () => {
    const explanation = await explain();
    const kinds = new Map(explanation.namespaces.map(({ kind, sharedWith }) => [kind, sharedWith]));
    for (const kind of ['mnt', 'pid', 'ipc', 'uts']) assert.deepEqual(kinds.get(kind), [], kind);
    assert.deepEqual(kinds.get('user'), ['host']);
    assert.equal(explanation.seccomp, 'filter');
    assert.ok(explanation.capabilities.effective.includes('CAP_CHOWN'));
    assert.ok(!explanation.capabilities.effective.includes('CAP_SYS_ADMIN'));
    assert.ok(explanation.mounts.some(({ target, type }) => target === '/proc' && type === 'proc'));
    assert.ok(explanation.cgroups.some(({ path }) => path.includes(started.id)));
    assert.equal(explanation.network, undefined);
  });

  it('explain: where a file comes from', async () => {
    const origin = async (path: string) => (await explain(path)).file;
    assert.equal((await origin('/bin/sh'))?.origin, 'image-layer');
    assert.equal((await origin('/bin/sh'))?.layer, 'sha256:base');
    assert.match((await origin('/etc/group'))?.detail ?? '', /^changed by the container/);
    assert.equal((await origin('/root/new'))?.detail, 'made by the container');
    assert.match((await origin('/etc/not-executable'))?.detail ?? '', /^deleted by the container; .*sha256:base/);
    assert.match((await origin('/proc/uptime'))?.detail ?? '', /^proc .* mounted at \/proc/);
    assert.match((await origin('/dev/null'))?.detail ?? '', /^tmpfs .* mounted at \/dev/);
    assert.match(
      (await origin('/proc/nothing'))?.detail ?? '',
      /^no such file or directory in proc .* mounted at \/proc/,
    );
    assert.equal((await origin('/nowhere'))?.origin, 'missing');
  });

  it('top: its processes only', async () => {
    const { titles, processes } = await topContainer(await started.container.processes(), '-ef');
    assert.deepEqual(titles, ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
    assert.equal(processes.length, 1);
    assert.equal(processes[0]?.[1], String(container.state.pid));
    assert.equal(processes[0]?.[7], 'sleep 1000');
  });

  it('statistics: memory and processes of its cgroup', async () => {
    const { resources } = await containerStatistics(networks, started.container, sandbox.runtime.cgroups.version);
    assert.ok(resources.memory.usageBytes > 0);
    assert.ok(resources.pids.current >= 1);
  });

  it('export: its root without what is mounted into it', async () => {
    const output = join(sandbox.directory, 'exported');
    mkdirSync(output);
    const tar = spawn('tar', ['-x', '-p', '-f', '-', '-C', output], { stdio: ['pipe', 'ignore', 'inherit'] });
    const exited = once(tar, 'exit');
    await pipeline(exportContainer({ snapshots: { openMerged: noMerge } }, container), tar.stdin);
    assert.equal((await exited)[0], 0);
    assert.equal(readFileSync(join(output, 'etc/group'), 'utf8'), 'changed\n');
    assert.equal(readFileSync(join(output, 'root/new'), 'utf8'), 'new\n');
    assert.ok(!readdirSync(join(output, 'etc')).includes('not-executable'));
    for (const mountPoint of ['proc', 'sys', 'dev']) assert.deepEqual(readdirSync(join(output, mountPoint)), []);
    // The copy can be written to: it shares nothing with the container.
    writeFileSync(join(output, 'etc/group'), '');
    assert.equal(readFileSync(join(root.kind === 'overlay' ? root.upper : '', 'etc/group'), 'utf8'), 'changed\n');
  });
});
