import { isIP } from 'node:net';
import { invalidArgument } from '../base/index.ts';
import type { DaemonOptions, LogLevel, RawOptions, TlsOptions, Ulimit } from './options.ts';

const defaultPools = [
  { base: '172.17.0.0/12', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
];

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'fatal'];

const string = (raw: RawOptions, key: string, fallback: string): string => {
  const value = raw[key];
  return typeof value === 'string' ? value : fallback;
};
const strings = (raw: RawOptions, key: string): readonly string[] => {
  const value = raw[key];
  return Array.isArray(value) ? value.map(String) : [];
};
const boolean = (raw: RawOptions, key: string): boolean => raw[key] === true;

function oneOf<T extends string>(raw: RawOptions, key: string, allowed: readonly T[], fallback: T): T {
  const value = string(raw, key, fallback);
  const found = allowed.find((one) => one === value);
  if (found === undefined)
    throw invalidArgument('invalid-option', `${key} must be one of ${allowed.join(', ')}, not "${value}"`);
  return found;
}

function absolute(raw: RawOptions, key: string, fallback: string): string {
  const value = string(raw, key, fallback);
  if (!value.startsWith('/'))
    throw invalidArgument('invalid-option', `${key} must be an absolute path, not "${value}"`);
  return value.length > 1 ? value.replace(/\/+$/, '') : value;
}

function parseCidr(key: string, value: string): { readonly address: string; readonly prefix: number } {
  const [address = '', prefixText = ''] = value.split('/');
  const prefix = Number(prefixText);
  if (isIP(address) !== 4 || !/^\d+$/.test(prefixText) || prefix < 8 || prefix > 30) {
    throw invalidArgument(
      'invalid-option',
      `${key}: "${value}" is not an IPv4 address with a prefix length from 8 to 30, e.g. 172.20.0.1/16`,
    );
  }
  return { address, prefix };
}

function parsePools(raw: RawOptions): DaemonOptions['addressPools'] {
  const key = 'default-address-pools';
  const value = raw[key];
  if (!Array.isArray(value) || value.length === 0) return defaultPools;
  return value.map((pool: unknown) => {
    if (typeof pool !== 'object' || pool === null || !('base' in pool) || !('size' in pool)) {
      throw invalidArgument('invalid-option', `${key}: each pool needs "base" and "size"`);
    }
    const base = String(pool.base);
    const size = Number(pool.size);
    const { prefix } = parseCidr(key, base);
    if (!Number.isInteger(size) || size < prefix || size > 30) {
      throw invalidArgument(
        'invalid-option',
        `${key}: size ${String(pool.size)} must lie between the prefix of ${base} and 30`,
      );
    }
    return { base, size };
  });
}

function parseUlimits(raw: RawOptions): readonly Ulimit[] {
  const value = raw['default-ulimits'];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).map(([name, limit]: [string, unknown]) => {
    const fields = typeof limit === 'object' && limit !== null ? (limit as Record<string, unknown>) : {};
    const soft = Number(fields['Soft']);
    const hard = Number(fields['Hard'] ?? fields['Soft']);
    if (!Number.isInteger(soft) || !Number.isInteger(hard) || (hard !== -1 && soft > hard)) {
      throw invalidArgument(
        'invalid-option',
        `default-ulimits: ${name} needs whole numbers "Soft" and "Hard", soft not above hard`,
      );
    }
    return { name, soft, hard };
  });
}

function parseTls(raw: RawOptions): TlsOptions | undefined {
  const verifyClients = boolean(raw, 'tlsverify');
  if (!verifyClients && !boolean(raw, 'tls')) return undefined;
  const certificate = string(raw, 'tlscert', '');
  const key = string(raw, 'tlskey', '');
  const certificateAuthority = string(raw, 'tlscacert', '') || undefined;
  if (certificate === '' || key === '') throw invalidArgument('invalid-option', 'TLS needs --tlscert and --tlskey');
  if (verifyClients && certificateAuthority === undefined)
    throw invalidArgument('invalid-option', '--tlsverify needs --tlscacert');
  return { verifyClients, certificateAuthority, certificate, key };
}

function checkHosts(hosts: readonly string[], tls: TlsOptions | undefined, insecureTcp: boolean): void {
  for (const host of hosts) {
    if (/^unix:\/\/\/./.test(host)) continue;
    if (!/^tcp:\/\/[^/]+:\d+$/.test(host)) {
      throw invalidArgument('invalid-option', `host "${host}" is neither unix:///path nor tcp://address:port`);
    }
    if (tls?.verifyClients !== true && !insecureTcp) {
      throw invalidArgument(
        'insecure-tcp',
        `host "${host}": tcp without client certificates gives root to whoever can connect`,
        {
          hint: 'use --tlsverify with --tlscacert, --tlscert and --tlskey, or spell out --insecure-tcp',
        },
      );
    }
  }
}

function checkAddresses(dns: readonly string[]): void {
  const wrong = dns.find((address) => isIP(address) === 0);
  if (wrong !== undefined) throw invalidArgument('invalid-option', `dns: "${wrong}" is not an IP address`);
}

function parseLabels(labels: readonly string[]): readonly string[] {
  const wrong = labels.find((label) => !/^[^=]+=/.test(label));
  if (wrong !== undefined) throw invalidArgument('invalid-option', `label "${wrong}" is not KEY=VALUE`);
  return labels;
}

/** Checks values and fills in defaults. Throws invalid-argument naming the option. */
export function parseOptions(raw: RawOptions): DaemonOptions {
  const execRoot = absolute(raw, 'exec-root', '/run/corten');
  const tls = parseTls(raw);
  const insecureTcp = boolean(raw, 'insecure-tcp');
  const given = strings(raw, 'hosts');
  const hosts = given.length > 0 ? given : [`unix://${execRoot}/corten.sock`];
  checkHosts(hosts, tls, insecureTcp);
  const bip = string(raw, 'bip', '') || undefined;
  if (bip !== undefined) parseCidr('bip', bip);
  const dns = strings(raw, 'dns');
  checkAddresses(dns);
  const debug = boolean(raw, 'debug');
  const bridge = string(raw, 'bridge', '');
  if (bridge !== '' && !/^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$/.test(bridge))
    throw invalidArgument('invalid-option', `bridge: "${bridge}" is not a link name of at most 15 characters`);
  const downloads = raw['max-concurrent-downloads'];
  return {
    hosts,
    dockerSocket: boolean(raw, 'docker-socket'),
    debug,
    dataRoot: absolute(raw, 'data-root', '/var/lib/corten'),
    execRoot,
    pidfile: absolute(raw, 'pidfile', `${execRoot}/cortend.pid`),
    configFile: absolute(raw, 'config-file', '/etc/corten/daemon.json'),
    logLevel: debug ? 'debug' : oneOf(raw, 'log-level', logLevels, 'info'),
    logFormat: oneOf(raw, 'log-format', ['text', 'json'], 'text'),
    group: string(raw, 'group', ''),
    tls,
    insecureTcp,
    bridge,
    bip,
    addressPools: parsePools(raw),
    dns,
    dnsSearch: strings(raw, 'dns-search'),
    dnsOptions: strings(raw, 'dns-opts'),
    mtu: Number(raw['mtu'] ?? 0),
    ulimits: parseUlimits(raw),
    labels: parseLabels(strings(raw, 'labels')),
    logDriver: oneOf(raw, 'log-driver', ['json-file', 'local', 'none'], 'json-file'),
    logOptions: (raw['log-opts'] ?? {}) as Readonly<Record<string, string>>,
    maxConcurrentDownloads: typeof downloads === 'number' ? downloads : undefined,
  };
}
