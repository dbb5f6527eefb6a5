import { runCommand } from '../test/support/command.ts';
import { idOf } from '../test/support/api-client.ts';
import { milliseconds } from './measure.ts';
import { mustSucceed, type Side } from './sides.ts';

/** One measurement of one side, in the row's unit. */
export interface Row {
  readonly title: string;
  readonly unit: string;
  /** What shared/baselines asks for, as it is shown. */
  readonly target: string;
  readonly rounds: number;
  /** Rates are better when higher; times when lower. */
  readonly higherIsBetter?: boolean;
  measure(side: Side): Promise<number>;
}

const sleeper = { Image: 'busybox', Cmd: ['sleep', '1000'] };

function created(networkMode: string): object {
  return { ...sleeper, HostConfig: { NetworkMode: networkMode } };
}

async function cliRun(side: Side, network: string): Promise<number> {
  return await milliseconds(async () => {
    mustSucceed(await side.daemon.docker(['run', '--rm', `--network=${network}`, 'busybox', 'true']), 'docker run');
  });
}

async function timeStart(side: Side, networkMode: string): Promise<number> {
  const id = idOf(await side.api.call('POST', '/containers/create', created(networkMode)));
  const time = await milliseconds(async () => await side.api.call('POST', `/containers/${id}/start`));
  await side.api.call('DELETE', `/containers/${id}?force=1`);
  return time;
}

async function withContainer(side: Side, measure: (id: string) => Promise<number>): Promise<number> {
  const id = idOf(await side.api.call('POST', '/containers/create', created('none')));
  await side.api.call('POST', `/containers/${id}/start`);
  try {
    return await measure(id);
  } finally {
    await side.api.call('DELETE', `/containers/${id}?force=1`).catch(() => undefined);
  }
}

async function execByApi(side: Side, id: string): Promise<number> {
  return await milliseconds(async () => {
    const exec = idOf(await side.api.call('POST', `/containers/${id}/exec`, { Cmd: ['true'], AttachStdout: true }));
    await side.api.call('POST', `/exec/${exec}/start`, { Detach: false, Tty: false });
  });
}

async function containersPerSecond(side: Side, total: number, atOnce: number): Promise<number> {
  const ids: string[] = [];
  let left = total;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const id = idOf(await side.api.call('POST', '/containers/create', created('bridge')));
      await side.api.call('POST', `/containers/${id}/start`);
      ids.push(id);
    }
  };
  const time = await milliseconds(async () => await Promise.all(Array.from({ length: atOnce }, worker)));
  await Promise.all(ids.map(async (id) => await side.api.call('DELETE', `/containers/${id}?force=1`)));
  return (total / time) * 1000;
}

export const rows: readonly Row[] = [
  {
    title: '`docker run --rm busybox true`, bridge',
    unit: 'ms',
    target: '8 times faster',
    rounds: 15,
    measure: async (side) => await cliRun(side, 'bridge'),
  },
  {
    title: '`docker run --rm busybox true`, no network',
    unit: 'ms',
    target: '8 times faster',
    rounds: 15,
    measure: async (side) => await cliRun(side, 'none'),
  },
  {
    title: 'POST start, no network',
    unit: 'ms',
    target: '8 ms',
    rounds: 15,
    measure: async (side) => await timeStart(side, 'none'),
  },
  {
    title: 'POST start, bridge',
    unit: 'ms',
    target: '12 ms',
    rounds: 15,
    measure: async (side) => await timeStart(side, 'bridge'),
  },
  {
    title: 'POST create',
    unit: 'ms',
    target: '3 ms',
    rounds: 15,
    async measure(side) {
      let id = '';
      const time = await milliseconds(async () => {
        id = idOf(await side.api.call('POST', '/containers/create', created('none')));
      });
      await side.api.call('DELETE', `/containers/${id}`);
      return time;
    },
  },
  {
    title: 'GET inspect',
    unit: 'ms',
    target: '0.9 ms',
    rounds: 15,
    measure: async (side) =>
      await withContainer(
        side,
        async (id) => await milliseconds(async () => await side.api.call('GET', `/containers/${id}/json`)),
      ),
  },
  {
    title: 'kill and wait',
    unit: 'ms',
    target: '10 ms',
    rounds: 15,
    measure: async (side) =>
      await withContainer(
        side,
        async (id) =>
          await milliseconds(async () => {
            await side.api.call('POST', `/containers/${id}/kill`);
            await side.api.call('POST', `/containers/${id}/wait`);
          }),
      ),
  },
  {
    title: 'DELETE a stopped container',
    unit: 'ms',
    target: '5 ms',
    rounds: 15,
    measure: async (side) =>
      await withContainer(side, async (id) => {
        await side.api.call('POST', `/containers/${id}/kill`);
        await side.api.call('POST', `/containers/${id}/wait`);
        return await milliseconds(async () => await side.api.call('DELETE', `/containers/${id}`));
      }),
  },
  {
    title: '`docker exec web true`',
    unit: 'ms',
    target: '2.5 times faster',
    rounds: 15,
    measure: async (side) =>
      await withContainer(
        side,
        async (id) =>
          await milliseconds(async () => {
            mustSucceed(await side.daemon.docker(['exec', id, 'true']), 'docker exec');
          }),
      ),
  },
  {
    title: 'exec through the API',
    unit: 'ms',
    target: '8 ms',
    rounds: 15,
    measure: async (side) => await withContainer(side, async (id) => await execByApi(side, id)),
  },
  {
    title: 'containers a second, created and started, 8 at a time',
    unit: '/s',
    target: '80',
    rounds: 3,
    higherIsBetter: true,
    measure: async (side) => await containersPerSecond(side, 40, 8),
  },
  {
    title: '`docker ps`, the whole command',
    unit: 'ms',
    target: '',
    rounds: 10,
    measure: async (side) => await milliseconds(async () => mustSucceed(await side.daemon.docker(['ps']), 'docker ps')),
  },
];

/** Throughput of one TCP stream to `address`:`port`, megabits a second. */
export async function streamMegabits(stream: string, address: string, port: number): Promise<number> {
  return Number(
    mustSucceed(await runCommand(stream, ['send', address, String(port), '2'], {}), 'stream send').stdout.trim(),
  );
}
