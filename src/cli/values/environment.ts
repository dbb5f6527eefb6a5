import { readFileSync } from 'node:fs';
import { describeError } from '../../base/errors.ts';
import { usageFailure } from '../failure.ts';

/** Lines of an --env-file or --label-file: no quoting, "#" starts a comment line, leading white space is dropped. */
function linesOf(path: string): string[] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw usageFailure(`cannot read ${path}: ${describeError(error)}`);
  }
  return content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function checkName(name: string, where: string): void {
  if (name === '') throw usageFailure(`${where}: no variable name before "="`);
  if (/[\s]/.test(name)) throw usageFailure(`${where}: variable '${name}' contains whitespaces`);
}

/** A name without "=" takes its value from this process; undefined when it has none. */
function resolve(entry: string, environment: NodeJS.ProcessEnv): string | undefined {
  if (entry.includes('=')) return entry;
  const value = environment[entry];
  return value === undefined ? undefined : `${entry}=${value}`;
}

/** The container's variables: files first, then -e, so that -e wins. */
export function parseEnvironment(
  given: readonly string[],
  files: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): string[] {
  const result: string[] = [];
  for (const file of files) {
    for (const line of linesOf(file)) {
      checkName(line.split('=', 1)[0] ?? '', `invalid env file ${file}`);
      const resolved = resolve(line, environment);
      if (resolved !== undefined) result.push(resolved);
    }
  }
  for (const entry of given) {
    if (entry === '' || entry.startsWith('=')) throw usageFailure(`invalid environment variable: ${entry}`);
    // A name without a value here is passed on: in an update it unsets; the daemon drops it otherwise.
    result.push(resolve(entry, environment) ?? entry);
  }
  return result;
}

/** "key=value" or "key" (empty value), files first. */
export function parseLabels(given: readonly string[], files: readonly string[] = []): Record<string, string> {
  const result: Record<string, string> = {};
  for (const entry of [...files.flatMap(linesOf), ...given]) {
    const equals = entry.indexOf('=');
    if (equals === 0 || entry === '') throw usageFailure(`invalid label '${entry}': it has no name`);
    if (equals < 0) result[entry] = '';
    else result[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return result;
}

/** "name=value" where the value is obligatory: --log-opt, --sysctl, --storage-opt, --annotation. */
export function parsePairs(given: readonly string[], flag: string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const entry of given) {
    const equals = entry.indexOf('=');
    if (equals <= 0) throw usageFailure(`invalid argument "${entry}" for --${flag}: name=value is expected`);
    result[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return result;
}
