import { posix } from 'node:path';
import { invalidArgument } from '../base/index.ts';
import { parseDuration } from './duration.ts';
import type { ImageDefaults, ImageHealthcheck } from './types.ts';
import { splitWords } from './words.ts';

type Apply = (defaults: ImageDefaults, rest: string, line: string) => ImageDefaults;

function invalid(message: string): Error {
  return invalidArgument('invalid-change', message);
}

/** The exec form (a JSON list of strings), or undefined when the text is the shell form. */
function execForm(rest: string): string[] | undefined {
  if (!rest.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(rest);
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  } catch {
    // As in a Dockerfile: what is no JSON is a command for the shell.
  }
  return undefined;
}

function command(defaults: ImageDefaults, rest: string): string[] {
  const words = execForm(rest);
  if (words !== undefined) return words;
  return rest === '' ? [] : [...(defaults.shell ?? ['/bin/sh', '-c']), rest];
}

/** "KEY=value KEY2='other value'", or the old "KEY value with spaces". */
function pairs(rest: string, instruction: string): [string, string][] {
  const words = splitWords(rest);
  const [first] = words;
  if (first === undefined) throw invalid(`${instruction} requires at least one argument`);
  if (!first.includes('=')) {
    const key = /^\S+/.exec(rest)?.[0] ?? '';
    const value = rest.slice(key.length).trim();
    if (value === '') throw invalid(`${instruction} must have two arguments`);
    return [[key, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 1)
      throw invalid(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function withEnv(env: readonly string[], added: readonly [string, string][]): string[] {
  const result = [...env];
  for (const [key, value] of added) {
    const index = result.findIndex((item) => item.startsWith(`${key}=`));
    if (index === -1) result.push(`${key}=${value}`);
    else result[index] = `${key}=${value}`;
  }
  return result;
}

function port(text: string): string[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < 1 || last > 65_535 || last < first) throw invalid(`invalid containerPort: ${text}`);
  const protocol = (match[3] ?? 'tcp').toLowerCase();
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

function union(old: readonly string[], added: readonly string[]): string[] {
  return [...new Set([...old, ...added])];
}

function healthcheck(rest: string, old: ImageDefaults): ImageHealthcheck {
  const check = {
    intervalNanoseconds: 0,
    timeoutNanoseconds: 0,
    startPeriodNanoseconds: 0,
    startIntervalNanoseconds: 0,
    retries: 0,
  };
  const durations = {
    interval: 'intervalNanoseconds',
    timeout: 'timeoutNanoseconds',
    'start-period': 'startPeriodNanoseconds',
    'start-interval': 'startIntervalNanoseconds',
  } as const;
  let text = rest;
  for (;;) {
    const match = /^--([a-z-]+)=(\S+)\s*/.exec(text);
    if (match === null) break;
    text = text.slice(match[0].length);
    const [name, value] = [match[1] ?? '', match[2] ?? ''];
    if (name === 'retries' && /^\d{1,6}$/.test(value)) check.retries = Number(value);
    else if (Object.hasOwn(durations, name)) check[durations[name as keyof typeof durations]] = parseDuration(value);
    else throw invalid(`invalid HEALTHCHECK option --${name}=${value}`);
  }
  const [kind, ...others] = text.split(/\s+/);
  if (kind?.toUpperCase() === 'NONE' && others.length === 0) return { test: ['NONE'], ...check };
  const words = text.slice(kind?.length ?? 0).trim();
  if (kind?.toUpperCase() !== 'CMD' || words === '')
    throw invalid(`Unknown type ${JSON.stringify(kind)} in HEALTHCHECK`);
  const exec = execForm(words);
  const shell = old.shell === undefined ? ['CMD-SHELL', words] : ['CMD', ...old.shell, words];
  return { test: exec === undefined ? shell : ['CMD', ...exec], ...check };
}

function required(rest: string, instruction: string): string {
  if (rest === '') throw invalid(`${instruction} requires exactly one argument`);
  return rest;
}

const instructions: Readonly<Record<string, Apply>> = {
  CMD: (defaults, rest) => ({ ...defaults, command: command(defaults, rest) }),
  ENTRYPOINT: (defaults, rest) => ({ ...defaults, entrypoint: command(defaults, rest) }),
  ENV: (defaults, rest) => ({ ...defaults, env: withEnv(defaults.env, pairs(rest, 'ENV')) }),
  EXPOSE: (defaults, rest) => ({
    ...defaults,
    exposedPorts: union(defaults.exposedPorts, splitWords(required(rest, 'EXPOSE')).flatMap(port)),
  }),
  LABEL: (defaults, rest) => ({
    ...defaults,
    labels: { ...defaults.labels, ...Object.fromEntries(pairs(rest, 'LABEL')) },
  }),
  USER: (defaults, rest) => ({ ...defaults, user: required(rest, 'USER') }),
  VOLUME: (defaults, rest) => ({
    ...defaults,
    volumes: union(defaults.volumes, execForm(rest) ?? splitWords(required(rest, 'VOLUME'))),
  }),
  WORKDIR: (defaults, rest) => ({
    ...defaults,
    workingDirectory: posix.resolve('/', defaults.workingDirectory, required(rest, 'WORKDIR')),
  }),
  STOPSIGNAL: (defaults, rest) => ({ ...defaults, stopSignal: required(rest, 'STOPSIGNAL') }),
  HEALTHCHECK: (defaults, rest) => ({ ...defaults, healthcheck: healthcheck(rest, defaults) }),
  ONBUILD: (defaults, rest) => ({ ...defaults, onBuild: [...defaults.onBuild, required(rest, 'ONBUILD')] }),
};

/**
 * Applies Dockerfile instructions (of `import --change` and `commit --change`) to an image's defaults.
 * Throws invalid-argument `invalid-change`.
 */
export function applyChanges(defaults: ImageDefaults, changes: readonly string[]): ImageDefaults {
  let result = defaults;
  for (const line of changes.flatMap((change) => change.split('\n'))) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const word = /^\S+/.exec(text)?.[0] ?? '';
    const name = word.toUpperCase();
    const apply = Object.hasOwn(instructions, name) ? instructions[name] : undefined;
    if (apply === undefined) throw invalid(`${word} is not a valid change command`);
    result = apply(result, text.slice(word.length).trim(), text);
  }
  return result;
}
