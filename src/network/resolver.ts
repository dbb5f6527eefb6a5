import { readFile } from 'node:fs/promises';
import { BlockList, isIPv4 } from 'node:net';
import { hasErrno } from '../kernel/kernel-error.ts';

/** What Docker falls back to when the host has no name server that a container could reach. */
const fallbackServers = ['8.8.8.8', '8.8.4.4'] as const;

const stubPath = '/etc/resolv.conf';
/** Where systemd-resolved keeps the real servers while /etc/resolv.conf names only its own listener. */
const resolvedPath = '/run/systemd/resolve/resolv.conf';
const resolvedListener = '127.0.0.53';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);

export interface ResolverOptions {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** The three lists of a resolv.conf(5). Later `search` and `domain` lines replace earlier ones. */
export function parseResolverConfiguration(text: string): ResolverOptions {
  const servers: string[] = [];
  let search: readonly string[] = [];
  const options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) servers.push(values[0]);
    else if (keyword === 'search' || keyword === 'domain') search = values;
    else if (keyword === 'options') options.push(...values);
  }
  return { servers, search, options };
}

/**
 * A container's resolv.conf: what was asked for, else the daemon's settings, else the host's. The host's loopback servers
 * are not reachable from a container, nor are IPv6 ones from an IPv4 network.
 */
export function containerResolverConfiguration(
  host: ResolverOptions,
  settings: ResolverOptions,
  wanted: ResolverOptions,
): string {
  const firstGiven = (...lists: readonly (readonly string[])[]): readonly string[] =>
    lists.find((list) => list.length > 0) ?? [];
  const reachable = host.servers.filter((server) => isIPv4(server) && !loopback.check(server));
  const servers = firstGiven(wanted.servers, settings.servers, reachable, fallbackServers);
  // `--dns-search .` is Docker's way to say: no search list at all.
  const search = firstGiven(wanted.search, settings.search, host.search).filter((domain) => domain !== '.');
  const options = firstGiven(wanted.options, settings.options, host.options);
  return [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
}

/** The host's own resolver configuration; empty when it has none. */
export async function hostResolverConfiguration(): Promise<ResolverOptions> {
  const stub = parseResolverConfiguration(await readOrEmpty(stubPath));
  if (stub.servers.length !== 1 || stub.servers[0] !== resolvedListener) return stub;
  const resolved = parseResolverConfiguration(await readOrEmpty(resolvedPath));
  return resolved.servers.length > 0 ? resolved : stub;
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
}
