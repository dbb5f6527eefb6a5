import type { Container } from '../../../engine/types.ts';
import type { ImageHealthcheck } from '../../../image/types.ts';

export function healthcheckConfig(check: ImageHealthcheck): object {
  return {
    Test: check.test,
    ...(check.intervalNanoseconds === 0 ? {} : { Interval: check.intervalNanoseconds }),
    ...(check.timeoutNanoseconds === 0 ? {} : { Timeout: check.timeoutNanoseconds }),
    ...(check.startPeriodNanoseconds === 0 ? {} : { StartPeriod: check.startPeriodNanoseconds }),
    ...(check.startIntervalNanoseconds === 0 ? {} : { StartInterval: check.startIntervalNanoseconds }),
    ...(check.retries === 0 ? {} : { Retries: check.retries }),
  };
}

/** {"80/tcp": {}}: how the API writes a set. */
export function nameSet(names: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

/** Config of inspect: the container's own merged with its image's, as dockerd stores it at create. */
export function containerConfig(container: Container): object {
  const { configuration, effective } = container;
  return {
    Hostname: effective.hostname,
    Domainname: configuration.domainname,
    User: effective.user,
    AttachStdin: configuration.attachStdin,
    AttachStdout: configuration.attachStdout,
    AttachStderr: configuration.attachStderr,
    ...(effective.exposedPorts.length === 0 ? {} : { ExposedPorts: nameSet(effective.exposedPorts) }),
    Tty: configuration.tty,
    OpenStdin: configuration.openStdin,
    StdinOnce: configuration.stdinOnce,
    Env: effective.env,
    Cmd: effective.command.length === 0 ? null : effective.command,
    ...(effective.healthcheck === undefined ? {} : { Healthcheck: healthcheckConfig(effective.healthcheck) }),
    Image: configuration.image,
    Volumes: effective.volumes.length === 0 ? null : nameSet(effective.volumes),
    WorkingDir: effective.workingDirectory,
    Entrypoint: effective.entrypoint.length === 0 ? null : effective.entrypoint,
    ...(configuration.networkDisabled ? { NetworkDisabled: true } : {}),
    OnBuild: null,
    Labels: effective.labels,
    ...(configuration.stopSignal === undefined ? {} : { StopSignal: configuration.stopSignal }),
    ...(configuration.stopTimeoutSeconds === undefined ? {} : { StopTimeout: configuration.stopTimeoutSeconds }),
    ...(configuration.shell === undefined ? {} : { Shell: configuration.shell }),
  };
}
