import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { describeError } from '../../base/errors.ts';
import { usageFailure } from '../failure.ts';
import { parseBytes } from './quantities.ts';

/** "no", "always", "unless-stopped", "on-failure[:max]". */
export function parseRestart(text: string): { readonly Name: string; readonly MaximumRetryCount: number } {
  const [name = '', count, ...rest] = text.split(':');
  if (rest.length > 0) throw usageFailure('invalid restart policy format: maximum retry count must be an integer');
  if (count !== undefined && !/^-?\d+$/.test(count)) {
    throw usageFailure('invalid restart policy format: maximum retry count must be an integer');
  }
  if (name === '' && count !== undefined)
    throw usageFailure('invalid restart policy format: no policy provided before colon');
  return { Name: name, MaximumRetryCount: Number(count ?? 0) };
}

/** "nofile=1024:2048", "nproc=10". */
export function parseUlimit(text: string): { readonly Name: string; readonly Soft: number; readonly Hard: number } {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw usageFailure(`invalid ulimit argument: ${text}`, 'ulimits are written name=soft[:hard]');
  const soft = Number(match[2]);
  const hard = Number(match[3] ?? match[2]);
  if (hard !== -1 && (soft > hard || soft === -1)) {
    throw usageFailure(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { Name: match[1] ?? '', Soft: soft, Hard: hard };
}

export interface DeviceRequest {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
}

/** "/dev/a", "/dev/a:/dev/b", "/dev/a:rw", "/dev/a:/dev/b:r". */
export function parseDevice(text: string): DeviceRequest {
  const isMode = (part: string): boolean => /^[rwm]{1,3}$/.test(part) && new Set(part).size === part.length;
  const [host = '', second, third, ...rest] = text.split(':');
  if (host === '' || rest.length > 0) throw usageFailure(`invalid device specification: ${text}`);
  if (third !== undefined && !isMode(third)) throw usageFailure(`invalid device mode: ${third}`);
  const onlyMode = third === undefined && second !== undefined && isMode(second);
  return {
    PathOnHost: host,
    PathInContainer: second === undefined || onlyMode ? host : second,
    CgroupPermissions: third ?? (onlyMode ? second : 'rwm'),
  };
}

export function checkDeviceCgroupRule(rule: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(rule)) {
    throw usageFailure(`invalid device cgroup format '${rule}'`, "rules are written 'c 1:3 rwm'");
  }
  return rule;
}

/** "name:address" or "name=address"; "host-gateway" stands for the host. */
export function parseExtraHost(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text);
  if (match === null) throw usageFailure(`bad format for add-host: "${text}"`, 'hosts are written name:address');
  const address = (match[2] ?? '').replace(/^\[(.*)\]$/, '$1');
  if (address !== 'host-gateway' && isIP(address) === 0)
    throw usageFailure(`invalid IP address in add-host: "${address}"`);
  return `${match[1] ?? ''}:${address}`;
}

/** seccomp profiles are read here, since the daemon may be elsewhere; "unconfined" and "builtin" are words. */
export function parseSecurityOption(text: string): string {
  const match = /^seccomp[=:](.*)$/.exec(text);
  const profile = match?.[1];
  if (profile === undefined || profile === 'unconfined' || profile === 'builtin') {
    if (!/[=:]/.test(text) && text !== 'no-new-privileges') throw usageFailure(`invalid --security-opt: "${text}"`);
    return text;
  }
  let content: string;
  try {
    content = readFileSync(profile, 'utf8');
  } catch (error) {
    throw usageFailure(`opening seccomp profile (${profile}) failed: ${describeError(error)}`);
  }
  try {
    return `seccomp=${JSON.stringify(JSON.parse(content))}`;
  } catch (error) {
    throw usageFailure(`the seccomp profile ${profile} is not JSON: ${describeError(error)}`);
  }
}

/** "-1" is unlimited. */
export function parseSwap(text: string): number {
  return text === '-1' ? -1 : parseBytes(text, 'memory-swap');
}

/** "/dev/sda:1mb" and "/dev/sda:1000". */
export function parseThrottle(
  text: string,
  flag: string,
  inBytes: boolean,
): { readonly Path: string; readonly Rate: number } {
  const [path = '', rate = '', ...rest] = text.split(':');
  if (!path.startsWith('/dev/') || rate === '' || rest.length > 0) {
    throw usageFailure(`bad format for --${flag}: ${text}`, 'written /dev/name:rate');
  }
  if (inBytes) return { Path: path, Rate: parseBytes(rate, flag) };
  if (!/^\d+$/.test(rate)) throw usageFailure(`invalid rate for --${flag}: ${text}`);
  return { Path: path, Rate: Number(rate) };
}

export interface NetworkAttachment {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly ip: string | undefined;
  readonly ip6: string | undefined;
  readonly macAddress: string | undefined;
  readonly driverOptions: Readonly<Record<string, string>>;
}

/** --network: a name, or name=…,alias=…,ip=…,ip6=…,mac-address=…,driver-opt=…. */
export function parseNetwork(text: string): NetworkAttachment {
  const empty = { aliases: [], ip: undefined, ip6: undefined, macAddress: undefined, driverOptions: {} };
  if (!text.includes('=')) return { name: text, ...empty };
  const values = new Map<string, string[]>();
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    if (equals < 0) throw usageFailure(`invalid network: ${text}: "${field}" is not name=value`);
    const key = field.slice(0, equals).toLowerCase();
    if (!['name', 'alias', 'ip', 'ip6', 'mac-address', 'driver-opt'].includes(key)) {
      throw usageFailure(`invalid network: ${text}: unknown key ${key}`);
    }
    values.set(key, [...(values.get(key) ?? []), field.slice(equals + 1)]);
  }
  const name = values.get('name')?.[0];
  if (name === undefined) throw usageFailure(`invalid network: ${text}: name= is missing`);
  const options = (values.get('driver-opt') ?? []).map((one) => [
    one.split('=', 1)[0] ?? '',
    one.replace(/^[^=]*=?/, ''),
  ]);
  return {
    name,
    aliases: values.get('alias') ?? [],
    ip: values.get('ip')?.[0],
    ip6: values.get('ip6')?.[0],
    macAddress: values.get('mac-address')?.[0],
    driverOptions: Object.fromEntries(options) as Record<string, string>,
  };
}
