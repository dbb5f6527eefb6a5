import { Command, Option } from 'commander';
import { invalidArgument } from '../base/index.ts';
import { type OptionDefinition, optionDefinitions, type RawOptions } from './options.ts';

function parsePool(text: string): { readonly base: string; readonly size: number } {
  const fields = new Map(text.split(',').map((field) => field.split('=', 2) as [string, string]));
  const base = fields.get('base');
  const size = fields.get('size');
  if (base === undefined || size === undefined || fields.size !== 2) {
    throw invalidArgument('invalid-option', `--default-address-pool: "${text}" is not base=CIDR,size=N`);
  }
  return { base, size: Number(size) };
}

/** "nofile=1024:2048" -> ["nofile", {Soft, Hard}], the shape of the configuration file. */
function parseUlimit(text: string): [string, object] {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw invalidArgument('invalid-option', `--default-ulimit: "${text}" is not NAME=SOFT[:HARD]`);
  return [match[1] ?? '', { Soft: Number(match[2]), Hard: Number(match[3] ?? match[2]) }];
}

function parsePair(flag: string, text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw invalidArgument('invalid-option', `--${flag}: "${text}" is not KEY=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function convert(definition: OptionDefinition, value: unknown): unknown {
  const texts = (Array.isArray(value) ? value : [value]).map(String);
  switch (definition.type) {
    case 'string':
    case 'boolean':
    case 'strings':
      return value;
    case 'number': {
      const number = Number(value);
      if (!Number.isInteger(number) || number < 0)
        throw invalidArgument('invalid-option', `--${definition.flag}: "${String(value)}" is not a whole number`);
      return number;
    }
    case 'map':
      return Object.fromEntries(texts.map((text) => parsePair(definition.flag, text)));
    case 'pools':
      return texts.map(parsePool);
    case 'ulimits':
      return Object.fromEntries(texts.map(parseUlimit));
    default:
      return definition.type satisfies never;
  }
}

function flagsText(definition: OptionDefinition): string {
  const short = definition.short === undefined ? '' : `-${definition.short}, `;
  const value = definition.type === 'boolean' ? '' : ` <${definition.value ?? 'VALUE'}>`;
  return `${short}--${definition.flag}${value}`;
}

const repeatable: ReadonlySet<string> = new Set(['strings', 'map', 'pools', 'ulimits']);
const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

/** The flags that were given, under the configuration file's key names. Prints help or version and exits for those. */
export function parseCommandLine(argv: readonly string[], version: string): RawOptions {
  const command = new Command('cortend')
    .description('The Corten daemon: runs containers and answers the Docker Engine API.')
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .allowExcessArguments(false)
    .exitOverride();
  for (const definition of optionDefinitions) {
    const option = new Option(flagsText(definition), definition.help);
    if (repeatable.has(definition.type)) option.argParser(collect);
    command.addOption(option);
  }
  command.parse([...argv], { from: 'user' });
  const given = command.opts<Record<string, unknown>>();
  const raw: Record<string, unknown> = {};
  for (const definition of optionDefinitions) {
    const name = new Option(flagsText(definition)).attributeName();
    if (given[name] !== undefined) raw[definition.key] = convert(definition, given[name]);
  }
  return raw;
}
