import { readFileSync } from 'node:fs';
import { invalidArgument } from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { type DaemonOptions, mergeOptions, parseConfigurationFile, type RawOptions } from './options.ts';
import { parseOptions } from './parse-options.ts';

const defaultConfigFile = '/etc/corten/daemon.json';

function readConfigurationFile(flags: RawOptions): { readonly path: string; readonly raw: RawOptions } {
  const given = flags['config-file'];
  const path = typeof given === 'string' ? given : defaultConfigFile;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    // Only a file that somebody named has to be there.
    if (hasErrno(error, 'ENOENT') && given === undefined) return { path, raw: {} };
    throw invalidArgument('invalid-configuration-file', `the configuration file ${path} cannot be read`, {
      cause: error,
    });
  }
  return { path, raw: parseConfigurationFile(path, text) };
}

/** Flags and file together, checked. Called at start, and again on SIGHUP with the same flags. */
export function loadOptions(flags: RawOptions): DaemonOptions {
  const { path, raw } = readConfigurationFile(flags);
  return parseOptions(mergeOptions(flags, raw, path));
}
