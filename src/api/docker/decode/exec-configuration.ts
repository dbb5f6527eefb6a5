import { invalidArgument } from '../../../base/index.ts';
import type { ExecConfiguration } from '../../../engine/types.ts';
import { execFields, execStartFields } from './field-tables.ts';
import { boolean, commandLine, fields, string, strings } from './fields.ts';
import { consoleSize } from './host-configuration.ts';

/** The body of POST /containers/{id}/exec. */
export function execConfiguration(body: unknown): ExecConfiguration {
  const path = 'ExecConfig';
  const given = fields(body, path, execFields);
  const command = commandLine(given['Cmd'], `${path}.Cmd`) ?? [];
  if (command.length === 0) throw invalidArgument('missing-command', 'No exec command specified');
  return {
    command,
    user: string(given['User'], `${path}.User`),
    env: strings(given['Env'], `${path}.Env`),
    workingDirectory: string(given['WorkingDir'], `${path}.WorkingDir`),
    tty: boolean(given['Tty'], `${path}.Tty`),
    attachStdin: boolean(given['AttachStdin'], `${path}.AttachStdin`),
    attachStdout: boolean(given['AttachStdout'], `${path}.AttachStdout`),
    attachStderr: boolean(given['AttachStderr'], `${path}.AttachStderr`),
    privileged: boolean(given['Privileged'], `${path}.Privileged`),
    detachKeys: string(given['DetachKeys'], `${path}.DetachKeys`),
    consoleSize: consoleSize(given['ConsoleSize'], `${path}.ConsoleSize`) ?? [0, 0],
  };
}

export interface ExecStart {
  readonly detach: boolean;
  readonly tty: boolean;
  readonly consoleSize: readonly [number, number] | undefined;
}

/** The body of POST /exec/{id}/start. */
export function execStart(body: unknown): ExecStart {
  const path = 'ExecStartConfig';
  const given = fields(body, path, execStartFields);
  const size = consoleSize(given['ConsoleSize'], `${path}.ConsoleSize`);
  return {
    detach: boolean(given['Detach'], `${path}.Detach`),
    tty: boolean(given['Tty'], `${path}.Tty`),
    consoleSize: size === undefined || (size[0] === 0 && size[1] === 0) ? undefined : size,
  };
}
