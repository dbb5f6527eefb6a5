import { Command as Commander, CommanderError, Option } from 'commander';
import type { Command, Flag } from './command.ts';
import { usageFailure } from './failure.ts';
import { type FlagValue, FlagValues } from './flag-values.ts';

export interface Parsed {
  readonly flags: FlagValues;
  readonly operands: readonly string[];
  readonly helpWanted: boolean;
}

const switchValues: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  '0': false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

/** Name of the invisible option that stands for `--name=false`. */
const offName = (name: string): string => `${name}--off`;

/**
 * Rewrites what Docker's flag parser accepts and commander does not: `--rm=true`, `--sig-proxy=false`, `-p=80:80` and
 * `-it=true`. Everything else passes through unchanged; a cluster ends at the first flag that takes a value.
 */
function normalise(flags: readonly Flag[], flagsFirst: boolean, words: readonly string[]): string[] {
  const byName = new Map(flags.map((flag) => [flag.name, flag]));
  const byShort = new Map(flags.flatMap((flag) => (flag.short === undefined ? [] : [[flag.short, flag] as const])));
  const result: string[] = [];
  const setSwitch = (flag: Flag, given: string): void => {
    const value = switchValues[given];
    if (value === undefined)
      throw usageFailure(`invalid argument "${given}" for --${flag.name}: true or false is expected`);
    result.push(value ? `--${flag.name}` : `--${offName(flag.name)}`);
  };
  const short = (word: string, next: string | undefined): boolean => {
    for (let index = 1; index < word.length; index += 1) {
      const letter = word[index] ?? '';
      const flag = byShort.get(letter);
      const rest = word.slice(index + 1);
      if (flag === undefined) {
        result.push(`-${letter}`);
      } else if (flag.kind === 'boolean') {
        if (rest.startsWith('=')) {
          setSwitch(flag, rest.slice(1));
          return false;
        }
        result.push(`--${flag.name}`);
      } else {
        if (rest !== '') {
          result.push(`--${flag.name}=${rest.startsWith('=') ? rest.slice(1) : rest}`);
          return false;
        }
        if (next === undefined) throw usageFailure(`flag needs an argument: -${letter}`);
        result.push(`--${flag.name}=${next}`);
        return true;
      }
    }
    return false;
  };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--') return [...result, ...words.slice(index)];
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const flag = byName.get(equals < 0 ? word.slice(2) : word.slice(2, equals));
      if (flag?.kind === 'boolean' && equals >= 0) setSwitch(flag, word.slice(equals + 1));
      else if (flag !== undefined && flag.kind !== 'boolean' && equals < 0) {
        const next = words[index + 1];
        if (next === undefined) throw usageFailure(`flag needs an argument: --${flag.name}`);
        result.push(`${word}=${next}`);
        index += 1;
      } else result.push(word);
    } else if (word.startsWith('-') && word.length > 1) {
      if (short(word, words[index + 1])) index += 1;
    } else {
      if (flagsFirst) return [...result, '--', ...words.slice(index)];
      result.push(word);
    }
  }
  return result;
}

/**
 * An option that is stored under its own name. commander would camel-case it, and reads "--no-trunc" as the negation of
 * "--trunc"; here it is a flag of that name.
 */
class FlagOption extends Option {
  override negate = false;

  override attributeName(): string {
    return this.name();
  }
}

function optionsOf(flag: Flag): Option[] {
  const dashes = `${flag.short === undefined ? '' : `-${flag.short}, `}--${flag.name}`;
  const value = flag.kind === 'boolean' ? '' : ` <${flag.placeholder ?? 'value'}>`;
  const option = new FlagOption(`${dashes}${value}`, flag.summary);
  option.hidden = flag.hidden ?? false;
  if (flag.kind === 'list')
    option.argParser((one: string, sofar: unknown) => [...(Array.isArray(sofar) ? sofar : []), one]);
  if (flag.kind !== 'boolean') return [option];
  return [option, new FlagOption(`--${offName(flag.name)}`).hideHelp()];
}

export function build(name: string, command: Command, summary: string): Commander {
  const commander = new Commander(name);
  commander
    .usage(command.usage)
    .summary(summary)
    .description(summary)
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    .helpOption(command.flags.some((flag) => flag.short === 'h') ? '--help' : '-h, --help', 'Show this text');
  for (const flag of command.flags) for (const option of optionsOf(flag)) commander.addOption(option);
  if (command.notes !== undefined) commander.addHelpText('after', `\n${command.notes}`);
  commander.argument('[operands...]');
  return commander;
}

function valuesOf(commander: Commander, flags: readonly Flag[]): FlagValues {
  const values = new Map<string, FlagValue>();
  for (const flag of flags) {
    const value: unknown = commander.getOptionValue(flag.name);
    if (typeof value === 'boolean' || typeof value === 'string') values.set(flag.name, value);
    else if (Array.isArray(value)) values.set(flag.name, value.map(String));
    if (commander.getOptionValue(offName(flag.name)) === true) values.set(flag.name, false);
  }
  return new FlagValues(values);
}

/** Parses what follows a command's name. Mistakes are CommandFailures. */
export function parse(name: string, command: Command, words: readonly string[]): Parsed {
  const commander = build(name, command, '');
  try {
    const normal = normalise(command.flags, command.flagsFirst ?? false, words);
    commander.parse(normal, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.code === 'commander.helpDisplayed')
        return { flags: new FlagValues(new Map()), operands: [], helpWanted: true };
      const [first = '', second] = error.message.split('\n');
      const suggestion = /Did you mean (--?[\w-]+)/.exec(second ?? '')?.[1];
      throw usageFailure(
        first.replace(/^error: /, '').replace(/'/g, ''),
        suggestion === undefined ? `see corten ${name} --help` : `did you mean ${suggestion}?`,
      );
    }
    throw error;
  }
  const operands = commander.args;
  if (operands.length < command.minimum || operands.length > (command.maximum ?? Infinity)) {
    throw usageFailure(operandMessage(name, command, operands.length), `usage: corten ${name} ${command.usage}`);
  }
  return { flags: valuesOf(commander, command.flags), operands, helpWanted: false };
}

function operandMessage(name: string, command: Command, given: number): string {
  const { minimum, maximum } = command;
  const plural = (count: number): string => `${count} argument${count === 1 ? '' : 's'}`;
  let wanted = `at least ${plural(minimum)}`;
  if (maximum === minimum) wanted = minimum === 0 ? 'no arguments' : `exactly ${plural(minimum)}`;
  else if (maximum !== undefined && given > maximum) wanted = `at most ${plural(maximum)}`;
  return `${name} takes ${wanted}, ${given} given`;
}
