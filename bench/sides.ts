import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CommandResult, runCommand } from '../test/support/command.ts';
import { dockerdPath, startCortend, startDockerd, type TestDaemon } from '../test/support/daemons.ts';
import { ApiClient } from '../test/support/api-client.ts';

/** One of the two daemons under measurement, with the image busybox in it. */
export interface Side {
  readonly name: 'corten' | 'docker';
  readonly daemon: TestDaemon;
  readonly api: ApiClient;
}

export function mustSucceed(result: CommandResult, what: string): CommandResult {
  if (result.code !== 0) throw new Error(`${what}: exit ${result.code}: ${result.stderr}${result.stdout}`);
  return result;
}

const repository = join(import.meta.dirname, '..');

/** Starts cortend and, where it is installed, dockerd; both get the same busybox image. */
export async function startSides(): Promise<{
  readonly corten: Side;
  readonly docker: Side | undefined;
  stop(): Promise<void>;
}> {
  const cortend = await startCortend();
  const stop = async (daemon: TestDaemon): Promise<void> => {
    const ids = (await daemon.docker(['ps', '-aq'])).stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await daemon.docker(['rm', '-f', ...ids]);
    await daemon.stop();
  };
  mustSucceed(
    await runCommand(
      join(repository, 'bin/corten'),
      ['-H', `unix://${cortend.socket}`, 'image', 'bootstrap', 'busybox'],
      {},
    ),
    'bootstrap',
  );
  const corten: Side = { name: 'corten', daemon: cortend, api: new ApiClient(cortend.socket) };
  if (dockerdPath === undefined) return { corten, docker: undefined, stop: async () => await stop(cortend) };
  const dockerd = await startDockerd({ network: true });
  const archive = join(cortend.directory, 'busybox.tar');
  mustSucceed(await cortend.docker(['save', '-o', archive, 'busybox']), 'save');
  mustSucceed(await dockerd.docker(['load', '-i', archive]), 'load');
  await rm(archive);
  const docker: Side = { name: 'docker', daemon: dockerd, api: new ApiClient(dockerd.socket) };
  return {
    corten,
    docker,
    async stop() {
      corten.api.close();
      docker.api.close();
      await stop(cortend);
      await stop(dockerd);
    },
  };
}

/** A field of /proc/PID/<file> such as "Pss:" or "VmRSS:", in megabytes. */
export async function processMegabytes(pid: number, file: 'smaps_rollup' | 'status', field: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const line = text.split('\n').find((one) => one.startsWith(field));
  return Number(/(\d+) kB/.exec(line ?? '')?.[1] ?? 0) / 1024;
}

/** Process ids whose command line or executable contains `needle`. */
export async function processesMatching(needle: string): Promise<readonly number[]> {
  const { stdout } = await runCommand('pgrep', ['-f', needle], {});
  return stdout.split('\n').filter(Boolean).map(Number);
}
