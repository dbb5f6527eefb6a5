import { invalidArgument } from '../base/index.ts';
import type { ImageDefaults, ImageHealthcheck } from '../image/types.ts';
import type { Container, ContainerConfiguration } from './types.ts';

export const defaultStopTimeoutSeconds = 10;

/** What runs when `configuration` is laid over the image's defaults, by Docker's rules. */
export function mergeImage(
  id: string,
  hostname: string,
  configuration: ContainerConfiguration,
  image: ImageDefaults,
): Container['effective'] {
  const { entrypoint, command } = mergeCommand(configuration, image);
  const [path = '', ...args] = [...entrypoint, ...command];
  return {
    hostname: hostname === '' ? id.slice(0, 12) : hostname,
    env: mergeEnv(configuration.env, image.env),
    entrypoint,
    command,
    path,
    args,
    workingDirectory: configuration.workingDirectory === '' ? image.workingDirectory : configuration.workingDirectory,
    user: configuration.user === '' ? image.user : configuration.user,
    labels: { ...image.labels, ...configuration.labels },
    exposedPorts: [...new Set([...configuration.exposedPorts, ...image.exposedPorts])],
    volumes: [...new Set([...configuration.volumes, ...image.volumes])],
    stopSignal: firstText(configuration.stopSignal, image.stopSignal) ?? 'SIGTERM',
    stopTimeoutSeconds: configuration.stopTimeoutSeconds ?? defaultStopTimeoutSeconds,
    healthcheck: mergeHealthcheck(configuration.healthcheck, image.healthcheck),
  };
}

function firstText(...texts: readonly (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}

/**
 * An entrypoint of one's own drops the image's command, which was written for the image's entrypoint. An empty list, which
 * only JSON clients can send, drops the image's entrypoint but keeps its command; [""] drops both.
 */
function mergeCommand(
  { entrypoint, command }: ContainerConfiguration,
  image: ImageDefaults,
): { readonly entrypoint: readonly string[]; readonly command: readonly string[] } {
  const ownEntrypoint = entrypoint !== undefined && entrypoint.length > 0;
  const ownCommand = command !== undefined && command.length > 0;
  const merged = {
    entrypoint: entrypoint ?? image.entrypoint ?? [],
    command: ownCommand ? command : ownEntrypoint ? [] : (image.command ?? []),
  };
  const cleared = merged.entrypoint.length === 1 && merged.entrypoint[0] === '';
  const result = cleared ? { ...merged, entrypoint: [] } : merged;
  if (result.entrypoint.length === 0 && result.command.length === 0) {
    throw invalidArgument('no-command', 'no command specified', {
      hint: 'the image names no command: give one after the image',
    });
  }
  return result;
}

const keyOf = (variable: string): string => variable.split('=', 1)[0] ?? '';

/** The user's variables first, then those of the image that the user did not set. */
function mergeEnv(own: readonly string[], image: readonly string[]): readonly string[] {
  const keys = new Set(own.map(keyOf));
  return [...own, ...image.filter((variable) => !keys.has(keyOf(variable)))];
}

function mergeHealthcheck(
  own: ImageHealthcheck | undefined,
  image: ImageHealthcheck | undefined,
): ImageHealthcheck | undefined {
  if (own === undefined) return image;
  if (image === undefined) return own;
  const either = (key: Exclude<keyof ImageHealthcheck, 'test'>): number => (own[key] === 0 ? image[key] : own[key]);
  return {
    test: own.test.length === 0 ? image.test : own.test,
    intervalNanoseconds: either('intervalNanoseconds'),
    timeoutNanoseconds: either('timeoutNanoseconds'),
    startPeriodNanoseconds: either('startPeriodNanoseconds'),
    startIntervalNanoseconds: either('startIntervalNanoseconds'),
    retries: either('retries'),
  };
}
