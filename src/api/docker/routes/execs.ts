import type { ApiContext } from '../context.ts';
import { execConfiguration } from '../decode/exec-configuration.ts';
import { type Answer, type ApiRequest, empty, json, type Route, route } from '../exchange.ts';
import { terminalSize } from './containers.ts';

const idOf = (request: ApiRequest): string => request.params['id'] ?? '';

async function create({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const container = engine.containers.resolve(idOf(request));
  const exec = engine.execs.create(container.id, execConfiguration(await request.json()));
  return json({ Id: exec.id }, 201);
}

function inspect({ engine }: ApiContext, request: ApiRequest): Answer {
  const exec = engine.execs.resolve(idOf(request));
  const { configuration } = exec;
  const [entrypoint = '', ...rest] = configuration.command;
  return json({
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.exitCode ?? null,
    ProcessConfig: {
      tty: configuration.tty,
      entrypoint,
      arguments: rest,
      privileged: configuration.privileged,
      ...(configuration.user === '' ? {} : { user: configuration.user }),
    },
    OpenStdin: configuration.attachStdin,
    OpenStderr: configuration.attachStderr,
    OpenStdout: configuration.attachStdout,
    CanRemove: !exec.running && exec.exitCode !== undefined,
    ContainerID: exec.containerId,
    DetachKeys: configuration.detachKeys,
    Pid: exec.pid,
  });
}

async function resize({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const { rows, columns } = terminalSize(request);
  await engine.execs.resize(idOf(request), rows, columns);
  return empty(200);
}

export const execRoutes: readonly Route[] = [
  route('POST', '/containers/:id/exec', create),
  route('GET', '/exec/:id/json', inspect),
  route('POST', '/exec/:id/resize', resize),
];
