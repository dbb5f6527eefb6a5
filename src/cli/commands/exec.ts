import { defaultDetachKeys, parseDetachKeys } from '../attach/detach-keys.ts';
import { followTerminalSize, terminalSize } from '../attach/resize.ts';
import { runSession } from '../attach/session.ts';
import { startFailure } from '../attach/start-failure.ts';
import { boolean, type Command, type Invocation, list, text } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { complain } from '../format/output.ts';
import { parseEnvironment } from '../values/environment.ts';

interface ExecInspect {
  readonly ExitCode: number | null;
  readonly Running: boolean;
}

function request({ flags, operands }: Invocation): Record<string, unknown> {
  const detached = flags.boolean('detach');
  const tty = flags.boolean('tty');
  const size = tty ? terminalSize() : undefined;
  return {
    Cmd: operands.slice(1),
    AttachStdin: flags.boolean('interactive') && !detached,
    AttachStdout: !detached,
    AttachStderr: !detached,
    Tty: tty,
    Privileged: flags.boolean('privileged'),
    User: flags.text('user') ?? '',
    WorkingDir: flags.text('workdir') ?? '',
    Env: parseEnvironment(flags.list('env'), flags.list('env-file')),
    ...(flags.has('detach-keys') ? { DetachKeys: flags.text('detach-keys') } : {}),
    ...(size === undefined ? {} : { ConsoleSize: size }),
  };
}

async function run(invocation: Invocation): Promise<number> {
  const { client, flags, operands } = invocation;
  const detached = flags.boolean('detach');
  const tty = flags.boolean('tty');
  const stdin = flags.boolean('interactive') && !detached;
  const detachKeys = parseDetachKeys(flags.text('detach-keys') ?? defaultDetachKeys);
  if (stdin && tty && !process.stdin.isTTY) {
    throw usageFailure('the input device is not a TTY', 'leave -t away where stdin is a pipe or a file');
  }
  const body = request(invocation);
  const path = `/containers/${encodeURIComponent(operands[0] ?? '')}/exec`;
  const { Id: id } = (await client.json('POST', path, { json: body })) as { readonly Id: string };
  const start = { Detach: detached, Tty: tty, ...('ConsoleSize' in body ? { ConsoleSize: body['ConsoleSize'] } : {}) };
  try {
    if (detached) {
      await client.send('POST', `/exec/${id}/start`, { json: start });
      return 0;
    }
    const hijacked = await client.hijack(`/exec/${id}/start`, { json: start });
    const stopResizing = tty ? followTerminalSize(client, `/exec/${id}`) : () => undefined;
    const outcome = await runSession(hijacked, { tty, stdin, detachKeys });
    stopResizing();
    if (outcome === 'detached') {
      complain('');
      return 0;
    }
  } catch (error) {
    throw startFailure(error);
  }
  const finished = (await client.json('GET', `/exec/${id}/json`)) as ExecInspect;
  return finished.ExitCode ?? 0;
}

export const command: Command = {
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  minimum: 2,
  maximum: undefined,
  operand: 'running-container',
  flagsFirst: true,
  flags: [
    boolean('detach', 'Run in the background', { short: 'd' }),
    boolean('interactive', 'Keep stdin open', { short: 'i' }),
    boolean('tty', 'Give it a terminal', { short: 't' }),
    list('env', 'name=value', 'Set a variable; without "=" pass one on', { short: 'e' }),
    list('env-file', 'file', 'Read variables from a file'),
    text('user', 'user[:group]', 'User and group, by name or number', { short: 'u' }),
    text('workdir', 'path', 'Working directory', { short: 'w' }),
    boolean('privileged', "All of the daemon's privileges"),
    text('detach-keys', 'keys', 'Keys that detach from a terminal (ctrl-p,ctrl-q)'),
  ],
  run,
};
