import { Client } from './api/client.ts';
import { chooseHost, parseEndpoint } from './api/endpoint.ts';
import type { Command, CommandEntry } from './command.ts';
import { commands, findCommand } from './commands.ts';
import { CommandFailure } from './failure.ts';
import type { FlagValues } from './flag-values.ts';
import { complain, print, printLine } from './format/output.ts';
import { globalFlags } from './global-flags.ts';
import { groups } from './groups.ts';
import { groupHelp, topHelp } from './help.ts';
import { nearest } from './nearest.ts';
import { build, parse } from './parse.ts';
import { formatFailure } from './report.ts';
import { version } from './version.ts';

/** The program itself, as far as its flags go. */
const program: Command = {
  usage: '[OPTIONS] COMMAND',
  minimum: 0,
  maximum: undefined,
  operand: 'none',
  flagsFirst: true,
  flags: globalFlags,
  run: () => Promise.resolve(0),
};

function clientFor(flags: FlagValues): Client {
  const tls = {
    tls: flags.boolean('tls'),
    verify: flags.boolean('tlsverify'),
    ca: flags.text('tlscacert'),
    cert: flags.text('tlscert'),
    key: flags.text('tlskey'),
  };
  return new Client(parseEndpoint(chooseHost(flags.text('host'), process.env), tls, process.env));
}

function unknownCommand(words: readonly string[]): CommandFailure {
  const [first = '', second] = words;
  if (Object.hasOwn(groups, first) && second !== undefined) {
    const names = commands.flatMap((entry) => entry.paths).filter((path) => path.startsWith(`${first} `));
    const close = nearest(`${first} ${second}`, names);
    return new CommandFailure(`${first} has no command "${second}"`, {
      hint: close === undefined ? `see corten ${first} --help` : `did you mean corten ${close}?`,
    });
  }
  const names = [...commands.flatMap((entry) => entry.paths), ...Object.keys(groups)].filter(
    (path) => !path.includes(' '),
  );
  const close = nearest(first, names);
  return new CommandFailure(`unknown command "${first}"`, {
    hint: close === undefined ? 'corten --help lists the commands' : `did you mean corten ${close}?`,
  });
}

async function dispatch(
  global: FlagValues,
  found: { readonly entry: CommandEntry; readonly path: string },
  words: readonly string[],
): Promise<number> {
  const { entry, path } = found;
  const { command } = await entry.load();
  try {
    const parsed = parse(path, command, words);
    if (parsed.helpWanted) {
      print(build(`corten ${path}`, command, entry.summary).helpInformation());
      if (command.notes !== undefined) printLine(`\n${command.notes}`);
      return 0;
    }
    const client = clientFor(global);
    return await command.run({ client, flags: parsed.flags, operands: parsed.operands, commands, path });
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === 1 && command.failureExitCode !== undefined) {
      throw Object.assign(new CommandFailure(error.message, { hint: error.hint, exitCode: command.failureExitCode }), {
        stack: error.stack,
      });
    }
    throw error;
  }
}

async function interpret(words: readonly string[]): Promise<number> {
  const { flags, operands, helpWanted } = parse('', program, words);
  if (flags.boolean('version')) {
    printLine(`Corten ${version}`);
    return 0;
  }
  const [first, second] = operands;
  if (first === undefined || first === 'help') {
    const rest = operands.slice(1);
    if (rest.length > 0) return interpret([...rest, '--help']);
    print(topHelp());
    return 0;
  }
  if (helpWanted) {
    print(topHelp());
    return 0;
  }
  const found = findCommand(operands);
  if (found !== undefined) return dispatch(flags, found, operands.slice(found.length));
  if (Object.hasOwn(groups, first) && (second === undefined || second === '--help' || second === '-h')) {
    print(groupHelp(first));
    return 0;
  }
  throw unknownCommand(operands);
}

/** Runs one command line; resolves with the exit status and never rejects. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    return await interpret(words);
  } catch (error) {
    if (error instanceof CommandFailure) {
      if (error.message !== '') complain(formatFailure(error));
      if (words.includes('-D') || words.includes('--debug')) complain(error.stack ?? '');
      return error.exitCode;
    }
    const description = error instanceof Error ? (error.stack ?? error.message) : String(error);
    complain(`corten: something went wrong that should not have: ${description}`);
    return 1;
  }
}
