import { invalidArgument } from '../base/index.ts';
import { isDigest } from './digest.ts';
import type { ImageDefaults, ImageHealthcheck, Platform } from './types.ts';

/** A configuration is text of a few KiB; larger ones are an attack on memory. */
export const maximumConfigurationBytes = 8 * 1024 * 1024;

export interface ConfigurationHistory {
  readonly created: string;
  readonly createdBy: string;
  readonly author: string;
  readonly comment: string;
  readonly emptyLayer: boolean;
}

/** An image configuration (OCI image-spec config.md, and Docker's before it), taken apart. */
export interface ImageConfiguration {
  readonly platform: Platform;
  readonly created: string;
  readonly author: string;
  readonly comment: string;
  readonly defaults: ImageDefaults;
  readonly diffIds: readonly string[];
  readonly history: readonly ConfigurationHistory[];
}

type Json = { readonly [key: string]: unknown };

function invalid(message: string): Error {
  return invalidArgument('invalid-image-configuration', `invalid image configuration: ${message}`);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(value: unknown, what: string): Json {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalid(`${what} is not an object`);
  return value;
}

function text(value: unknown, what: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw invalid(`${what} is not a string`);
  return value;
}

function integer(value: unknown, what: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(`${what} is not a number`);
  return value;
}

function texts(value: unknown, what: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  // Docker accepts a lone string for lists of words.
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) throw invalid(`${what} is not a list`);
  return value.map((item: unknown) => text(item, what));
}

function keys(value: unknown, what: string): string[] {
  return Object.keys(object(value, what)).toSorted();
}

function healthcheckOf(value: unknown): ImageHealthcheck | undefined {
  if (value === undefined || value === null) return undefined;
  const check = object(value, 'Healthcheck');
  return {
    test: texts(check['Test'], 'Healthcheck.Test') ?? [],
    intervalNanoseconds: integer(check['Interval'], 'Healthcheck.Interval'),
    timeoutNanoseconds: integer(check['Timeout'], 'Healthcheck.Timeout'),
    startPeriodNanoseconds: integer(check['StartPeriod'], 'Healthcheck.StartPeriod'),
    startIntervalNanoseconds: integer(check['StartInterval'], 'Healthcheck.StartInterval'),
    retries: integer(check['Retries'], 'Healthcheck.Retries'),
  };
}

function defaultsOf(config: Json): ImageDefaults {
  const labels = Object.entries(object(config['Labels'], 'Labels'));
  const stopSignal = text(config['StopSignal'], 'StopSignal');
  return {
    user: text(config['User'], 'User'),
    exposedPorts: keys(config['ExposedPorts'], 'ExposedPorts'),
    env: texts(config['Env'], 'Env') ?? [],
    entrypoint: texts(config['Entrypoint'], 'Entrypoint'),
    command: texts(config['Cmd'], 'Cmd'),
    volumes: keys(config['Volumes'], 'Volumes'),
    workingDirectory: text(config['WorkingDir'], 'WorkingDir'),
    labels: Object.fromEntries(labels.map(([key, value]) => [key, text(value, `the label ${key}`)])),
    stopSignal: stopSignal === '' ? undefined : stopSignal,
    shell: texts(config['Shell'], 'Shell'),
    onBuild: texts(config['OnBuild'], 'OnBuild') ?? [],
    healthcheck: healthcheckOf(config['Healthcheck']),
  };
}

function historyOf(value: unknown): ConfigurationHistory[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid('history is not a list');
  return value.map((item: unknown) => {
    const entry = object(item, 'history');
    return {
      created: text(entry['created'], 'history.created'),
      createdBy: text(entry['created_by'], 'history.created_by'),
      author: text(entry['author'], 'history.author'),
      comment: text(entry['comment'], 'history.comment'),
      emptyLayer: entry['empty_layer'] === true,
    };
  });
}

/** Takes the bytes of a configuration apart. Throws invalid-argument `invalid-image-configuration`. */
export function parseConfiguration(content: Buffer): ImageConfiguration {
  const root = parseJson(content, 'the configuration');
  const rootfs = object(root['rootfs'], 'rootfs');
  const diffIds = texts(rootfs['diff_ids'], 'rootfs.diff_ids') ?? [];
  if (!diffIds.every(isDigest)) throw invalid('rootfs.diff_ids holds something other than sha256 digests');
  const history = historyOf(root['history']);
  const variant = text(root['variant'], 'variant');
  return {
    platform: {
      os: text(root['os'], 'os') || 'linux',
      architecture: text(root['architecture'], 'architecture'),
      ...(variant === '' ? {} : { variant }),
    },
    created: text(root['created'], 'created'),
    author: text(root['author'], 'author'),
    comment: text(root['comment'], 'comment') || (history.at(-1)?.comment ?? ''),
    defaults: defaultsOf(object(root['config'], 'config')),
    diffIds,
    history,
  };
}

/** A JSON object from hostile bytes. */
export function parseJson(content: Buffer, what: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(content.toString());
  } catch (error) {
    throw invalidArgument('invalid-json', `${what} is no JSON`, { cause: error });
  }
  if (!isObject(value)) throw invalidArgument('invalid-json', `${what} is not a JSON object`);
  return value;
}

function setOf(values: readonly string[]): object | undefined {
  if (values.length === 0) return undefined;
  return Object.fromEntries(values.toSorted().map((value) => [value, {}]));
}

function orUndefined<T extends { readonly length: number }>(value: T): T | undefined {
  return value.length === 0 ? undefined : value;
}

/** `config` in Docker's field names; what is not set is left out. */
export function encodeDefaults(defaults: ImageDefaults): object {
  const check = defaults.healthcheck;
  return {
    User: orUndefined(defaults.user),
    ExposedPorts: setOf(defaults.exposedPorts),
    Env: orUndefined(defaults.env),
    Entrypoint: defaults.entrypoint,
    Cmd: defaults.command,
    Volumes: setOf(defaults.volumes),
    WorkingDir: orUndefined(defaults.workingDirectory),
    Labels: Object.keys(defaults.labels).length === 0 ? undefined : defaults.labels,
    StopSignal: defaults.stopSignal,
    Shell: defaults.shell,
    OnBuild: orUndefined(defaults.onBuild),
    Healthcheck: check && {
      Test: check.test,
      Interval: check.intervalNanoseconds || undefined,
      Timeout: check.timeoutNanoseconds || undefined,
      StartPeriod: check.startPeriodNanoseconds || undefined,
      StartInterval: check.startIntervalNanoseconds || undefined,
      Retries: check.retries || undefined,
    },
  };
}

/** The bytes of a configuration. Equal input gives equal bytes, hence an equal image id. */
export function encodeConfiguration(configuration: ImageConfiguration): Buffer {
  const { platform, created, author, comment, defaults, diffIds, history } = configuration;
  return Buffer.from(
    JSON.stringify({
      architecture: platform.architecture,
      variant: platform.variant,
      os: platform.os,
      created,
      author: orUndefined(author),
      comment: orUndefined(comment),
      config: encodeDefaults(defaults),
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: history.map((entry) => ({
        created: entry.created,
        created_by: orUndefined(entry.createdBy),
        author: orUndefined(entry.author),
        comment: orUndefined(entry.comment),
        empty_layer: entry.emptyLayer ? true : undefined,
      })),
    }),
  );
}

export const emptyDefaults: ImageDefaults = {
  user: '',
  exposedPorts: [],
  env: [],
  entrypoint: undefined,
  command: undefined,
  volumes: [],
  workingDirectory: '',
  labels: {},
  stopSignal: undefined,
  shell: undefined,
  onBuild: [],
  healthcheck: undefined,
};

/** What containers get as PATH when neither image nor user says one. */
export const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** The platform that this daemon runs on, in OCI's names. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: architectures[process.arch] ?? process.arch };
}
