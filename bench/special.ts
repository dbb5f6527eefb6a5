/** Measurements that are no simple repetition: a crowd of containers, memory, a killed daemon, streams, archives. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../test/support/command.ts';
import { startCortend } from '../test/support/daemons.ts';
import { ApiClient, idOf } from '../test/support/api-client.ts';
import { milliseconds, summarize } from './measure.ts';
import { streamMegabits } from './rows.ts';
import { mustSucceed, processMegabytes, type Side } from './sides.ts';

async function startMany(side: Side, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const id = idOf(
      await side.api.call('POST', '/containers/create', {
        Image: 'busybox',
        Cmd: ['sleep', '1000'],
        HostConfig: { NetworkMode: 'none' },
      }),
    );
    await side.api.call('POST', `/containers/${id}/start`);
    ids.push(id);
  }
  return ids;
}

async function removeAll(api: ApiClient, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map(async (id) => await api.call('DELETE', `/containers/${id}?force=1`)));
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Everything that stands between the daemon and the container's own process: the parent of its PID 1. */
async function memoryPerContainer(side: Side, ids: readonly string[]): Promise<number> {
  let total = 0;
  for (const id of ids) {
    const state = (await side.api.call('GET', `/containers/${id}/json`)) as {
      readonly State: { readonly Pid: number };
    };
    total += await processMegabytes(await parentOf(state.State.Pid), 'smaps_rollup', 'Pss:');
  }
  return total / ids.length;
}

async function daemonMegabytes(side: Side): Promise<number> {
  let total = await processMegabytes(side.daemon.pid, 'status', 'VmRSS:');
  // dockerd runs containerd as its child.
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const pid = Number(entry);
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.startsWith('containerd\0') && (await parentOf(pid)) === side.daemon.pid)
      total += await processMegabytes(pid, 'status', 'VmRSS:');
  }
  return total;
}

export interface CrowdFigures {
  readonly listMilliseconds: number;
  readonly megabytesPerContainer: number;
  readonly daemonMegabytes: number;
}

export async function measureCrowd(side: Side): Promise<CrowdFigures> {
  const idle = await daemonMegabytes(side);
  const ids = await startMany(side, 31);
  const times: number[] = [];
  for (let round = 0; round < 15; round += 1)
    times.push(await milliseconds(async () => await side.api.call('GET', '/containers/json')));
  const perContainer = await memoryPerContainer(side, ids);
  await removeAll(side.api, ids);
  return { listMilliseconds: summarize(times).median, megabytesPerContainer: perContainer, daemonMegabytes: idle };
}

/** kill -9 of a daemon with 30 containers, to the first answer of the next one on the same directory. */
export async function measureRestart(): Promise<number> {
  const first = await startCortend();
  const api = new ApiClient(first.socket);
  mustSucceed(
    await runCommand(
      join(import.meta.dirname, '../bin/corten'),
      ['-H', `unix://${first.socket}`, 'image', 'bootstrap', 'busybox'],
      {},
    ),
    'bootstrap',
  );
  const ids = await startMany({ name: 'corten', daemon: first, api }, 30);
  await first.kill();
  const start = performance.now();
  const second = await startCortend({ directory: first.directory });
  const again = new ApiClient(second.socket);
  const list = await again.call('GET', '/containers/json');
  const time = performance.now() - start;
  if (!Array.isArray(list) || list.length !== ids.length)
    throw new Error(`only ${Array.isArray(list) ? list.length : 0} of 30 containers survived`);
  await removeAll(again, ids);
  api.close();
  again.close();
  await second.stop();
  return time;
}

export interface StreamFigures {
  readonly direct: number;
  readonly published: number;
  readonly loopback: number;
}

/** One stream from the host: to the container's address, to the published port on the host's address, and on 127.0.0.1. */
export async function measureStreams(side: Side, stream: string, port: number): Promise<StreamFigures> {
  const { stdout } = mustSucceed(
    await side.daemon.docker([
      'run',
      '-d',
      '-p',
      `${port}:5201`,
      '-v',
      `${stream}:/stream:ro`,
      'busybox',
      '/stream',
      'serve',
      '5201',
    ]),
    'stream server',
  );
  const id = stdout.trim();
  try {
    const state = (await side.api.call('GET', `/containers/${id}/json`)) as {
      readonly NetworkSettings: {
        readonly Networks: Readonly<Record<string, { readonly IPAddress: string; readonly Gateway: string }>>;
      };
    };
    const endpoint = Object.values(state.NetworkSettings.Networks)[0];
    const host = endpoint?.Gateway ?? '';
    return {
      direct: await streamMegabits(stream, endpoint?.IPAddress ?? '', 5201),
      published: await streamMegabits(stream, host, port),
      loopback: await streamMegabits(stream, '127.0.0.1', port),
    };
  } finally {
    await side.api.call('DELETE', `/containers/${id}?force=1`);
  }
}

export interface ArchiveFigures {
  readonly importSeconds: number;
  readonly saveSeconds: number;
  readonly loadSeconds: number;
}

/** import of a root file system's tar, save of the image, and load of it after its removal. */
export async function measureArchives(side: Side, rootTar: string): Promise<ArchiveFigures> {
  const archive = join(side.daemon.directory, 'bench.tar');
  const timed = async (args: readonly string[]): Promise<number> =>
    (await milliseconds(async () =>
      mustSucceed(await side.daemon.docker(args, { timeoutMs: 300_000 }), args.join(' ')),
    )) / 1000;
  const importSeconds = await timed(['import', rootTar, 'bench:latest']);
  const saveSeconds = await timed(['save', '-o', archive, 'bench:latest']);
  await timed(['rmi', 'bench:latest']);
  const loadSeconds = await timed(['load', '-q', '-i', archive]);
  await timed(['rmi', 'bench:latest']);
  await rm(archive);
  return { importSeconds, saveSeconds, loadSeconds };
}
