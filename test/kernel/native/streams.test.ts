import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Monitor } from '../../../src/runtime/monitor.ts';
import {
  Client,
  containerPlan,
  deadline,
  everything,
  hostPlan,
  makeWorkspace,
  run,
  splitFrames,
  start,
  type Workspace,
} from './container.ts';
import type { Socket } from 'node:net';

const timeout = 120_000;

describe('streams of a monitored process', { timeout }, () => {
  let workspace: Workspace;
  before(() => {
    workspace = makeWorkspace();
  });
  after(() => workspace.remove());

  async function attach(monitor: Monitor, streams = everything): Promise<Client> {
    const attachment = await deadline(monitor.attach(streams), 'attach');
    return new Client(attachment.output as Socket);
  }

  test('output of both streams is framed, from the first byte to the last', async () => {
    const result = await run(hostPlan(workspace, ['sh', '-c', 'printf one; printf two >&2; exit 7']));
    assert.equal(result.stdout, 'one');
    assert.equal(result.stderr, 'two');
    assert.equal(result.exitCode, 7);
    assert.equal(result.signal, undefined);
  });

  test('a signal is recorded as 128 + its number, in the record and in the event', async () => {
    const plan = hostPlan(workspace, ['sh', '-c', 'kill -KILL $$']);
    const result = await run(plan);
    assert.equal(result.exitCode, 137);
    assert.equal(result.signal, 9);
    const record: unknown = JSON.parse(readFileSync(plan.monitor.exitPath, 'utf8'));
    assert.deepEqual(record, {
      exitCode: 137,
      signal: 9,
      oomKilled: false,
      finishedAtNanoseconds: String(result.finishedAtNanoseconds),
      logLinesLost: 0,
    });
    assert.ok(!existsSync(plan.monitor.socketPath), 'the socket is removed');
  });

  test('kill reaches a running process, and says so when it has ended', async () => {
    const { monitor } = await start(hostPlan(workspace, ['sleep', '1000']));
    assert.equal(await monitor.kill(15), true);
    assert.equal((await deadline(monitor.exited, 'exit')).signal, 15);
    assert.equal(await monitor.kill(15), false);
    await monitor.released;
  });

  test('the standard input ends with its client when stdinOnce says so, and all of it arrives', async () => {
    const plan = hostPlan(workspace, ['wc', '-c'], { monitor: { openStdin: true, stdinOnce: true } });
    const { monitor, client } = await start(plan);
    const size = 3_000_000;
    client.socket.end(Buffer.alloc(size, 'x'));
    assert.equal(splitFrames(await client.ended()).stdout.trim(), String(size));
    await monitor.released;
  });

  test('without stdinOnce the input survives its client, until it is closed', async () => {
    const plan = hostPlan(workspace, ['cat'], { monitor: { openStdin: true } });
    const { monitor, client } = await start(plan);
    client.socket.write('first\n');
    await client.until((text) => text.includes('first'));
    client.socket.destroy();
    const second = await attach(monitor);
    second.socket.write('second\n');
    await second.until((text) => text.includes('second'));
    await monitor.closeStdin();
    await second.ended();
    assert.equal((await monitor.exited).exitCode, 0);
    await monitor.released;
  });

  test('without openStdin the input is empty', async () => {
    assert.equal((await run(hostPlan(workspace, ['cat']))).exitCode, 0);
  });

  test('two clients get the same output, and only the streams they asked for', async () => {
    const plan = hostPlan(workspace, ['sh', '-c', 'read line; echo $line; echo error >&2; read line; echo end'], {
      monitor: { openStdin: true },
    });
    const { monitor, client } = await start(plan);
    const second = await attach(monitor, { stdin: false, stdout: true, stderr: false });
    client.socket.write('go\n');
    await client.until((text) => text.includes('go') && text.includes('error'));
    client.socket.write('\n');
    assert.deepEqual(splitFrames(await client.ended()), { stdout: 'go\nend\n', stderr: 'error\n' });
    assert.deepEqual(splitFrames(await second.ended()), { stdout: 'go\nend\n', stderr: '' });
    await monitor.released;
  });

  test('a client that does not read holds the output back, without a loss and without the monitor growing', async () => {
    const size = 8_000_000;
    const plan = hostPlan(workspace, ['dd', 'if=/dev/zero', `bs=${size}`, 'count=1'], {});
    const { monitor, client } = await start(plan, { stdin: false, stdout: true, stderr: false });
    client.socket.pause();
    const other = await attach(monitor, { stdin: false, stdout: true, stderr: false });
    assert.equal(await monitor.kill(0), true, 'control is served while output waits');
    const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${monitor.monitorPid}/status`, 'utf8'))?.[1]);
    assert.ok(resident < 4096, `${resident} kB`);
    client.socket.resume();
    const all = await client.ended();
    assert.equal(splitFrames(all).stdout.length, size);
    await other.ended();
    assert.equal((await monitor.exited).exitCode, 0);
    await monitor.released;
  });

  test('a client that is gone holds nothing back', async () => {
    const plan = hostPlan(
      workspace,
      ['sh', '-c', 'read line; dd if=/dev/zero bs=1000000 count=4 2>/dev/null; exit 5'],
      {
        monitor: { openStdin: true },
      },
    );
    const { monitor, client } = await start(plan);
    const dead = await attach(monitor, { stdin: false, stdout: true, stderr: true });
    dead.socket.pause();
    client.socket.write('go\n');
    await client.until((text) => text.length > 1000);
    dead.socket.destroy();
    await client.ended();
    assert.equal((await deadline(monitor.exited, 'exit')).exitCode, 5);
    await monitor.released;
  });

  test('output arrives whole although the process left its input unread', async () => {
    const plan = hostPlan(workspace, ['sh', '-c', 'read line; dd if=/dev/zero bs=100000 count=1 2>/dev/null'], {
      monitor: { openStdin: true },
    });
    const { monitor, client } = await start(plan);
    const failed = new Promise((resolve) => client.socket.once('error', resolve));
    client.socket.pause();
    client.socket.write('go\n');
    client.socket.write(Buffer.alloc(2_000_000));
    await deadline(monitor.exited, 'exit');
    client.socket.resume();
    const output = await client.ended();
    assert.equal(splitFrames(output).stdout.length, 100_000);
    assert.equal(await Promise.race([failed, monitor.released]), undefined, 'the connection was not reset');
  });

  test('a process that leaves a child with its output behind is not waited for', async () => {
    const plan = hostPlan(workspace, ['sh', '-c', 'sleep 1000 & echo $!; exit 4']);
    const result = await run(plan);
    process.kill(Number(result.stdout), 'SIGKILL');
    assert.equal(result.exitCode, 4);
  });

  test('a terminal: raw output, its size, resize, and the controlling terminal', async () => {
    const script = 'tty; stty size; trap "stty size; exit 3" WINCH; echo ready; while :; do sleep 0.1; done';
    const plan = containerPlan(workspace, ['sh', '-c', script], {
      monitor: { terminal: true, openStdin: true },
      before: [{ op: 'terminal', rows: 33, columns: 99, bindConsole: true }],
    });
    const { monitor, client } = await start(plan);
    await client.until((text) => text.includes('ready'), 'raw');
    await monitor.resize(44, 111);
    await client.ended();
    assert.equal(
      client.raw,
      '/dev/console\r\n33 99\r\nready\r\n44 111\r\n'.replace('/dev/console', client.raw.split('\r')[0] ?? ''),
    );
    assert.match(client.raw, /^\/dev\/(pts\/0|console)\r\n/);
    assert.equal((await monitor.exited).exitCode, 3);
    await monitor.released;
  });

  test('a terminal passes control characters on as signals', async () => {
    const plan = containerPlan(workspace, ['cat'], {
      monitor: { terminal: true, openStdin: true },
      before: [{ op: 'terminal', rows: 0, columns: 0, bindConsole: false }],
      init: true,
    });
    const { monitor, client } = await start(plan);
    client.socket.write('hello\n');
    await client.until((text) => text.includes('hello\r\nhello'), 'raw');
    client.socket.write('\x03');
    await client.ended();
    assert.equal((await deadline(monitor.exited, 'exit')).exitCode, 130);
    await monitor.released;
  });

  test('a terminal that the process closed and opened again still reaches its clients', async () => {
    const script = 'exec </dev/null >/dev/null 2>&1; sleep 0.2; echo again > /dev/console; sleep 1000';
    const plan = containerPlan(workspace, ['sh', '-c', script], {
      monitor: { terminal: true },
      before: [{ op: 'terminal', rows: 0, columns: 0, bindConsole: true }],
    });
    const { monitor, client } = await start(plan);
    await client.until((text) => text.includes('again'), 'raw');
    await monitor.kill(9);
    await client.ended();
    await monitor.released;
  });

  test('resize without a terminal is refused', async () => {
    const { monitor } = await start(hostPlan(workspace, ['sleep', '1000']));
    await assert.rejects(monitor.resize(1, 1), { code: 'no-terminal' });
    await monitor.kill(9);
    await monitor.released;
  });
});
