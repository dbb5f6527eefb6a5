import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { usageFailure } from '../failure.ts';

/** Where a daemon listens. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: TlsFiles | undefined };

export interface TlsFiles {
  readonly verify: boolean;
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

export interface TlsFlags {
  readonly tls: boolean;
  readonly verify: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export const defaultHost = 'unix:///run/corten/corten.sock';

function readPem(path: string, explicit: boolean): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (!explicit) return undefined;
    throw usageFailure(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function tlsFiles(flags: TlsFlags, environment: NodeJS.ProcessEnv): TlsFiles | undefined {
  const verify = flags.verify || (environment['DOCKER_TLS_VERIFY'] ?? '') !== '';
  if (!verify && !flags.tls) return undefined;
  const directory = environment['DOCKER_CERT_PATH'] ?? join(homedir(), '.docker');
  const read = (given: string | undefined, name: string): Buffer | undefined =>
    readPem(given ?? join(directory, name), given !== undefined);
  return {
    verify,
    ca: read(flags.ca, 'ca.pem'),
    cert: read(flags.cert, 'cert.pem'),
    key: read(flags.key, 'key.pem'),
  };
}

/** -H, then CORTEN_HOST, then DOCKER_HOST, then the default socket. */
export function chooseHost(given: string | undefined, environment: NodeJS.ProcessEnv): string {
  for (const candidate of [given, environment['CORTEN_HOST'], environment['DOCKER_HOST']]) {
    if (candidate !== undefined && candidate !== '') return candidate;
  }
  return defaultHost;
}

/** Understands unix:///path, tcp://host[:port], and docker's shorthands "host:port" and ":port". */
export function parseEndpoint(host: string, flags: TlsFlags, environment: NodeJS.ProcessEnv): Endpoint {
  const scheme = /^([a-z]+):\/\/(.*)$/.exec(host);
  const kind = scheme?.[1] ?? 'tcp';
  const rest = scheme?.[2] ?? host;
  if (kind === 'unix') {
    if (!rest.startsWith('/')) throw usageFailure(`invalid host ${host}: a unix socket needs an absolute path`);
    return { kind: 'unix', path: rest };
  }
  if (kind !== 'tcp' && kind !== 'http' && kind !== 'https') {
    throw usageFailure(`invalid host ${host}: only unix:// and tcp:// are understood`);
  }
  const tls = tlsFiles({ ...flags, tls: flags.tls || kind === 'https' }, environment);
  const match = /^(\[[0-9a-fA-F:]+\]|[^:/]*)(?::(\d+))?\/?$/.exec(rest);
  if (match === null) throw usageFailure(`invalid host ${host}: expected tcp://host:port`);
  return {
    kind: 'tcp',
    host: (match[1] ?? '').replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(match[2] ?? (tls === undefined ? 2375 : 2376)),
    tls,
  };
}

export function describeEndpoint(endpoint: Endpoint): string {
  return endpoint.kind === 'unix' ? `unix://${endpoint.path}` : `tcp://${endpoint.host}:${endpoint.port}`;
}
