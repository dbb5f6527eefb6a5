import { isIP } from 'node:net';
import { type CortenError, invalidArgument, notImplemented } from '../base/index.ts';
import { parseLogOptions } from './log-options.ts';
import { parseSignal } from './signals.ts';
import type { ContainerConfiguration, RestartPolicy } from './types.ts';

function invalid(message: string): CortenError {
  return invalidArgument('invalid-container-configuration', message);
}

/**
 * Everything about a configuration that can be wrong by itself, in Docker's words, before anything is written.
 * Throws invalid-argument, not-implemented. @returns warnings
 */
export function validateConfiguration(configuration: ContainerConfiguration): readonly string[] {
  const { host } = configuration;
  validateProcess(configuration);
  validateRestartPolicy(host.restartPolicy);
  if (host.autoRemove && host.restartPolicy.name !== 'no') {
    throw invalid("can't create 'AutoRemove' container with restart policy");
  }
  validateNamespaces(configuration);
  validateNetwork(configuration);
  if (host.shmSizeBytes < 0) throw invalid('SHM size can not be less than 0');
  if (host.oomScoreAdjust < -1000 || host.oomScoreAdjust > 1000) {
    throw invalid(`Invalid value ${host.oomScoreAdjust}, range for oom score adj is [-1000, 1000]`);
  }
  parseLogOptions(host.log);
  validateHealthcheck(configuration);
  return warningsOf(configuration);
}

function validateProcess(configuration: ContainerConfiguration): void {
  for (const variable of configuration.env) {
    if (variable === '' || variable.startsWith('=')) throw invalid(`invalid environment variable: ${variable}`);
  }
  const texts = [...configuration.env, ...(configuration.command ?? []), ...(configuration.entrypoint ?? [])];
  // The kernel's strings end at a NUL: what follows would vanish silently.
  if (texts.some((text) => text.includes('\0'))) {
    throw invalid('arguments and environment cannot contain a NUL character');
  }
  const directory = configuration.workingDirectory;
  if (directory !== '' && !directory.startsWith('/')) {
    throw invalid(`the working directory '${directory}' is invalid, it needs to be an absolute path`);
  }
  if (configuration.stopSignal !== undefined && configuration.stopSignal !== '') parseSignal(configuration.stopSignal);
  if (configuration.hostname.length > 63 || !/^[\w.-]*$/.test(configuration.hostname)) {
    throw invalid(`invalid hostname: ${configuration.hostname}`);
  }
  for (const port of configuration.exposedPorts) parseExposedPort(port);
}

/** "80/tcp", "53/udp" or "80". Throws invalid-argument. */
export function parseExposedPort(text: string): { readonly port: number; readonly protocol: 'tcp' | 'udp' | 'sctp' } {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const port = Number(match?.[1]);
  if (match === null || port < 1 || port > 65_535) throw invalid(`invalid port specification: "${text}"`);
  return { port, protocol: (match[2]?.toLowerCase() ?? 'tcp') as 'tcp' | 'udp' | 'sctp' };
}

export function validateRestartPolicy({ name, maximumRetryCount }: RestartPolicy): void {
  if (!['no', 'always', 'on-failure', 'unless-stopped'].includes(name)) {
    throw invalid(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (name !== 'on-failure' && maximumRetryCount !== 0) {
    throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  if (maximumRetryCount < 0) throw invalid('invalid restart policy: maximum retry count cannot be negative');
}

function validateNamespaces({ host }: ContainerConfiguration): void {
  const modes: readonly (readonly [string, string, RegExp])[] = [
    ['PID', host.pidMode, /^(?:|private|host|container:.+)$/],
    ['IPC', host.ipcMode, /^(?:|none|private|shareable|host|container:.+)$/],
    ['UTS', host.utsMode, /^(?:|private|host)$/],
    ['cgroup namespace', host.cgroupnsMode, /^(?:|private|host)$/],
  ];
  for (const [what, mode, pattern] of modes) {
    if (!pattern.test(mode)) throw invalid(`invalid ${what} mode: ${mode}`);
  }
  if (host.usernsMode !== '' && host.usernsMode !== 'host') {
    throw notImplemented('userns-not-implemented', `user namespaces are not implemented: "${host.usernsMode}"`);
  }
}

function validateNetwork(configuration: ContainerConfiguration): void {
  const { host, hostname } = configuration;
  const mode = host.networkMode;
  if (mode === 'container:') throw invalid('invalid container format container:<name|id>');
  if (host.utsMode === 'host' && hostname !== '') throw invalid('conflicting options: hostname and the UTS mode');
  if (mode.startsWith('container:')) {
    const conflicts: readonly (readonly [boolean, string])[] = [
      [hostname !== '', 'hostname'],
      [host.dns.length > 0, 'dns'],
      [host.extraHosts.length > 0, 'custom host-to-IP mapping'],
      [host.macAddress !== '', 'mac-address'],
    ];
    const found = conflicts.find(([given]) => given);
    if (found !== undefined) throw invalid(`conflicting options: ${found[1]} and the network mode`);
    if (host.portBindings.length > 0 || host.publishAllPorts) {
      throw invalid('conflicting options: port publishing and the container type network mode');
    }
    if (configuration.exposedPorts.length > 0) {
      throw invalid('conflicting options: port exposing and the container type network mode');
    }
  }
  if (host.macAddress !== '' && !/^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(host.macAddress)) {
    throw invalid(`invalid MAC address: ${host.macAddress}`);
  }
  for (const address of host.dns) if (isIP(address) === 0) throw invalid(`invalid IP address: ${address}`);
  for (const entry of host.extraHosts) validateExtraHost(entry);
}

function validateExtraHost(entry: string): void {
  const colon = entry.indexOf(':');
  const name = entry.slice(0, colon);
  const address = entry.slice(colon + 1);
  if (colon < 1 || !/^[^\s#]+$/.test(name)) throw invalid(`bad format for add-host: "${entry}"`);
  if (address !== 'host-gateway' && isIP(address) === 0) {
    throw invalid(`invalid IP address in add-host: "${address}"`);
  }
}

function validateHealthcheck({ healthcheck }: ContainerConfiguration): void {
  if (healthcheck === undefined) return;
  const [kind] = healthcheck.test;
  if (kind !== undefined && !['', 'NONE', 'CMD', 'CMD-SHELL'].includes(kind)) {
    throw invalid(`Unknown healthcheck type '${kind}' (expected 'CMD', 'CMD-SHELL' or 'NONE')`);
  }
  const durations: readonly (readonly [string, number])[] = [
    ['Interval', healthcheck.intervalNanoseconds],
    ['Timeout', healthcheck.timeoutNanoseconds],
    ['StartPeriod', healthcheck.startPeriodNanoseconds],
    ['StartInterval', healthcheck.startIntervalNanoseconds],
  ];
  for (const [name, value] of durations) {
    if (value !== 0 && value < 1_000_000) throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
  }
  if (healthcheck.retries < 0) throw invalid('Retries in Healthcheck cannot be negative');
}

function warningsOf({ host }: ContainerConfiguration): readonly string[] {
  const warnings: string[] = [];
  if (host.networkMode === 'host' && (host.portBindings.length > 0 || host.publishAllPorts)) {
    warnings.push('Published ports are discarded when using host network mode');
  }
  return warnings;
}

/** Whether the container has a network of its own, in which ports can be published. */
export function hasOwnNetwork({ networkDisabled, host }: ContainerConfiguration): boolean {
  return !networkDisabled && host.networkMode !== 'host' && !host.networkMode.startsWith('container:');
}
