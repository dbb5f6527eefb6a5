import assert from 'node:assert/strict';
import { closeSync, readdirSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { listenIpv6, reservePort } from '../../../src/kernel/socket.ts';
import type { Monitor } from '../../../src/runtime/monitor.ts';
import { deadline, hostPlan, makeWorkspace, start, type Workspace } from './container.ts';
import { eventually } from '../../support/eventually.ts';

describe('relays of a monitor', { timeout: 120_000 }, () => {
  let workspace: Workspace;
  let server: Server;
  let monitor: Monitor;
  let port = 0;
  const accepted: Socket[] = [];

  before(async () => {
    workspace = makeWorkspace();
    server = createServer({ allowHalfOpen: true }, (socket) => {
      accepted.push(socket);
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const listener = listenIpv6('::1', 0);
    port = listener.port;
    const plan = hostPlan(workspace, ['sleep', '1000'], {
      descriptors: [listener.descriptor],
      monitor: { relays: [{ listener: 0, address: '127.0.0.1', port: address.port }] },
    });
    ({ monitor } = await start(plan));
    closeSync(listener.descriptor);
  });
  after(async () => {
    await monitor.kill(9);
    await deadline(monitor.released, 'the end');
    server.close();
    for (const socket of accepted) socket.destroy();
    workspace.remove();
  });

  const open = (): Socket => connect({ host: '::1', port, allowHalfOpen: true });
  const descriptors = (): number => readdirSync(`/proc/${monitor.monitorPid}/fd`).length;

  async function receive(socket: Socket): Promise<Buffer> {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await deadline(once(socket, 'end'), 'the other side ends');
    socket.destroy();
    return Buffer.concat(chunks);
  }

  test('carries both directions, and an end of one does not end the other', async () => {
    const quiet = descriptors();
    const socket = open();
    const data = Buffer.alloc(5_000_000, 'abcdefghij');
    // The whole is sent and the direction closed before the echo can have come back.
    socket.end(data);
    const echo = await receive(socket);
    assert.ok(echo.equals(data));
    await eventually(() => descriptors() === quiet, 30_000, 'the connection is closed on both sides');
  });

  test('many at once, and one that stands still holds nobody up', async () => {
    const quiet = descriptors();
    const still = open();
    await once(still, 'connect');
    still.pause();
    still.write(Buffer.alloc(8_000_000));
    const others = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const socket = open();
        socket.end(`number ${index}`);
        return (await receive(socket)).toString();
      }),
    );
    assert.deepEqual(
      others,
      others.map((_, index) => `number ${index}`),
    );
    still.destroy();
    await eventually(() => descriptors() === quiet, 30_000, 'a reset closes the other side');
  });

  test('a port that is held stays taken for as long as the process runs', async () => {
    const reserved = reservePort('tcp', '127.0.0.1', 0);
    const plan = hostPlan(workspace, ['sleep', '1000'], {
      descriptors: [reserved.descriptor],
      monitor: { held: [0] },
    });
    const holder = (await start(plan)).monitor;
    closeSync(reserved.descriptor);
    assert.throws(() => reservePort('tcp', '127.0.0.1', reserved.port), { code: 'EADDRINUSE' });
    await holder.kill(9);
    await holder.released;
    closeSync(reservePort('tcp', '127.0.0.1', reserved.port).descriptor);
  });

  test('a container that refuses the connection ends it', async () => {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of accepted) socket.destroy();
    });
    const quiet = descriptors();
    const socket = connect({ host: '::1', port });
    socket.on('error', () => undefined);
    socket.resume();
    await deadline(once(socket, 'close'), 'the end');
    await eventually(() => descriptors() === quiet, 30_000, 'nothing is left');
  });
});
