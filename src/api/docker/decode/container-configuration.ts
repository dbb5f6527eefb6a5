import { invalidArgument, notImplemented } from '../../../base/index.ts';
import type { ContainerConfiguration } from '../../../engine/types.ts';
import type { ImageHealthcheck } from '../../../image/types.ts';
import { configFields, endpointFields, healthcheckFields, networkingConfigFields } from './field-tables.ts';
import { boolean, commandLine, fields, integer, keys, map, optional, string, stringMap, strings } from './fields.ts';
import { hostConfiguration } from './host-configuration.ts';
import { exposedPorts } from './ports.ts';

function healthcheck(value: unknown, path: string): ImageHealthcheck {
  const given = fields(value, path, healthcheckFields);
  const duration = (name: string): number => {
    const nanoseconds = integer(given[name], `${path}.${name}`);
    // dockerd's rule: less than a millisecond is a client that forgot the unit.
    if (nanoseconds !== 0 && nanoseconds < 1_000_000) {
      throw invalidArgument('invalid-healthcheck', `${name} in Healthcheck cannot be less than 1ms`);
    }
    return nanoseconds;
  };
  const retries = integer(given['Retries'], `${path}.Retries`);
  if (retries < 0) throw invalidArgument('invalid-healthcheck', 'Retries in Healthcheck cannot be negative');
  return {
    test: strings(given['Test'], `${path}.Test`),
    intervalNanoseconds: duration('Interval'),
    timeoutNanoseconds: duration('Timeout'),
    startPeriodNanoseconds: duration('StartPeriod'),
    startIntervalNanoseconds: duration('StartInterval'),
    retries,
  };
}

/** Hardware address of the one endpoint; everything else that an endpoint can ask for is refused by its table. */
function endpointMacAddress(value: unknown): string {
  const given = fields(value, 'NetworkingConfig', networkingConfigFields);
  const path = 'NetworkingConfig.EndpointsConfig';
  const endpoints = Object.entries(
    map(given['EndpointsConfig'], path, (entry, entryPath) => {
      const endpoint = fields(entry, entryPath, endpointFields);
      return string(endpoint['MacAddress'], `${entryPath}.MacAddress`);
    }),
  );
  if (endpoints.length > 1) {
    throw notImplemented('unsupported-field', `${path}: a container on more than one network is not supported yet`);
  }
  return endpoints[0]?.[1] ?? '';
}

/** The body of POST /containers/create. */
export function containerConfiguration(body: unknown): ContainerConfiguration {
  if (body === undefined || body === null) {
    throw invalidArgument('missing-configuration', 'config cannot be empty in order to create a container');
  }
  const path = 'Config';
  const given = fields(body, path, configFields);
  const text = (name: string): string => string(given[name], `${path}.${name}`);
  const truth = (name: string): boolean => boolean(given[name], `${path}.${name}`);
  const macAddress = endpointMacAddress(given['NetworkingConfig']) || text('MacAddress');
  // A check without a test inherits the image's, as dockerd has it; the other fields then override.
  return {
    image: text('Image'),
    hostname: text('Hostname'),
    domainname: text('Domainname'),
    user: text('User'),
    attachStdin: truth('AttachStdin'),
    attachStdout: truth('AttachStdout'),
    attachStderr: truth('AttachStderr'),
    tty: truth('Tty'),
    openStdin: truth('OpenStdin'),
    stdinOnce: truth('StdinOnce'),
    env: strings(given['Env'], `${path}.Env`),
    command: commandLine(given['Cmd'], `${path}.Cmd`),
    entrypoint: commandLine(given['Entrypoint'], `${path}.Entrypoint`),
    workingDirectory: text('WorkingDir'),
    labels: stringMap(given['Labels'], `${path}.Labels`),
    exposedPorts: exposedPorts(keys(given['ExposedPorts'], `${path}.ExposedPorts`)),
    volumes: keys(given['Volumes'], `${path}.Volumes`),
    stopSignal: text('StopSignal') || undefined,
    stopTimeoutSeconds: optional(given['StopTimeout'], `${path}.StopTimeout`, integer),
    healthcheck: optional(given['Healthcheck'], `${path}.Healthcheck`, healthcheck),
    shell: optional(given['Shell'], `${path}.Shell`, strings),
    networkDisabled: truth('NetworkDisabled'),
    host: hostConfiguration(given['HostConfig'], macAddress),
  };
}
