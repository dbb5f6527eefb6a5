import { defaultDetachKeys, parseDetachKeys } from '../attach/detach-keys.ts';
import { followTerminalSize, terminalSize } from '../attach/resize.ts';
import { runSession } from '../attach/session.ts';
import { forwardSignals } from '../attach/signals.ts';
import { startFailure } from '../attach/start-failure.ts';
import { registerWait } from '../attach/wait.ts';
import { boolean, type Command, type Invocation } from '../command.ts';
import { createContainer } from '../container/create.ts';
import { type CreateRequest, createRequest } from '../container/create-request.ts';
import { containerFlags } from '../container/flags.ts';
import { showTrace } from '../container/trace.ts';
import { CommandFailure, usageFailure } from '../failure.ts';
import { complain, printLine } from '../format/output.ts';

async function startDetached(invocation: Invocation, id: string): Promise<number> {
  const { client, flags } = invocation;
  try {
    await client.send('POST', `/containers/${id}/start`);
  } catch (error) {
    throw startFailure(error);
  }
  printLine(id);
  if (flags.boolean('trace')) await showTrace(client, id);
  return 0;
}

async function runAttached(invocation: Invocation, id: string, request: CreateRequest, keys: string): Promise<number> {
  const { client, flags } = invocation;
  const { streams, tty } = request;
  const autoRemove = flags.boolean('rm');
  const detachKeys = parseDetachKeys(keys);
  const stopForwarding = flags.boolean('sig-proxy', true) && !tty ? forwardSignals(client, id) : () => undefined;
  // Both before the start, so that neither the first output nor a very quick exit is missed.
  const [hijacked, pending] = await Promise.all([
    client.hijack(`/containers/${id}/attach`, {
      query: {
        stream: true,
        stdin: streams.stdin,
        stdout: streams.stdout,
        stderr: streams.stderr,
        detachKeys: flags.text('detach-keys'),
      },
    }),
    registerWait(client, id, autoRemove ? 'removed' : 'next-exit'),
  ]);
  const session = runSession(hijacked, { tty, stdin: streams.stdin, detachKeys });
  session.catch(() => undefined);
  try {
    await client.send('POST', `/containers/${id}/start`);
  } catch (error) {
    hijacked.stream.destroy();
    await session.catch(() => undefined);
    throw startFailure(error);
  }
  const stopResizing = tty ? followTerminalSize(client, `/containers/${id}`) : () => undefined;
  const traced = flags.boolean('trace') ? showTrace(client, id) : Promise.resolve();
  const outcome = await session;
  await traced;
  stopResizing();
  if (outcome === 'detached') {
    complain('');
    return 0;
  }
  const exitCode = await pending.exited;
  stopForwarding();
  return exitCode;
}

async function run(invocation: Invocation): Promise<number> {
  const { client, flags, operands } = invocation;
  const detached = flags.boolean('detach');
  const tty = flags.boolean('tty');
  const request = createRequest(flags, operands, { detached, consoleSize: tty ? terminalSize() : undefined });
  const keys = flags.text('detach-keys') ?? defaultDetachKeys;
  parseDetachKeys(keys);
  if (request.streams.stdin && tty && !process.stdin.isTTY) {
    throw usageFailure('the input device is not a TTY', 'leave -t away where stdin is a pipe or a file');
  }
  const id = await createContainer(client, flags, request);
  if (detached) return startDetached(invocation, id);
  if (!request.streams.stdin && !request.streams.stdout && !request.streams.stderr) {
    throw new CommandFailure('nothing to attach to');
  }
  return runAttached(invocation, id, request, keys);
}

export const command: Command = {
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  minimum: 1,
  maximum: undefined,
  operand: 'image',
  flagsFirst: true,
  failureExitCode: 125,
  flags: [
    boolean('detach', 'Run in the background and print the id', { short: 'd' }),
    ...containerFlags,
    boolean('sig-proxy', 'Pass signals on to the process', { on: true }),
    boolean('trace', 'Show how long each phase of the start took'),
  ],
  notes: `Exit status: the container's own; 125 when Corten itself failed, 126 when the command cannot be executed,
127 when it was not found.`,
  run,
};
