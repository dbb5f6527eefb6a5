import { isIP } from 'node:net';
import { usageFailure } from '../failure.ts';

export interface HostPort {
  readonly HostIp: string;
  readonly HostPort: string;
}

export interface PortSpecification {
  /** "80/tcp": {} */
  readonly exposed: Record<string, Record<string, never>>;
  readonly bindings: Record<string, HostPort[]>;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

const failure = (text: string, why: string): Error =>
  usageFailure(`invalid port ${text}: ${why}`, 'ports are written [[address:]host-port:]container-port[/tcp|/udp]');

function parseRange(text: string, whole: string): Range {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) throw failure(whole, `"${text}" is not a port or a range of ports`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first > 65535 || last > 65535) throw failure(whole, 'ports end at 65535');
  if (last < first) throw failure(whole, `the range ${text} ends before it starts`);
  return { first, last };
}

/** Splits "[::1]:80:80", "127.0.0.1::80", "80:80", "80" from the right. */
function splitAddress(text: string, whole: string): { address: string; host: string; container: string } {
  const parts = text.split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  let address = parts.join(':');
  if (address.startsWith('[') && address.endsWith(']')) address = address.slice(1, -1);
  else if (address.includes(':') && isIP(address) !== 6) throw failure(whole, `invalid IP address ${address}`);
  if (address !== '' && isIP(address) === 0) throw failure(whole, `invalid IP address ${address}`);
  if (container === '') throw failure(whole, 'no container port');
  return { address, host, container };
}

function splitProtocol(text: string, whole: string): { range: string; protocol: string } {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return { range: text, protocol: 'tcp' };
  const protocol = text.slice(slash + 1).toLowerCase();
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw failure(whole, `invalid protocol ${protocol}`);
  return { range: text.slice(0, slash), protocol };
}

/** The long form: target=80,published=8080,protocol=tcp. */
function longForm(text: string): string {
  const fields = new Map(text.split(',').map((field) => [field.split('=', 1)[0] ?? '', field.replace(/^[^=]*=/, '')]));
  for (const name of fields.keys()) {
    if (!['target', 'published', 'protocol', 'mode'].includes(name)) throw failure(text, `unknown field ${name}`);
  }
  const target = fields.get('target');
  if (target === undefined) throw failure(text, 'the long form needs target=');
  return `${fields.get('published') ?? ''}:${target}/${fields.get('protocol') ?? 'tcp'}`;
}

function publish(given: string, into: PortSpecification): void {
  const text = given.includes('=') ? longForm(given) : given;
  const { range: addressed, protocol } = splitProtocol(text, given);
  const { address, host, container } = splitAddress(addressed, given);
  const inside = parseRange(container, given);
  const outside = host === '' ? undefined : parseRange(host, given);
  const count = inside.last - inside.first;
  const spread = outside === undefined ? 0 : outside.last - outside.first;
  // One container port with a range of host ports: the daemon picks a free one of the range.
  if (outside !== undefined && spread !== count && count !== 0) throw failure(given, 'the two ranges differ in length');
  for (let offset = 0; offset <= count; offset += 1) {
    const key = `${inside.first + offset}/${protocol}`;
    let hostPort = '';
    if (outside !== undefined) {
      hostPort = count === 0 && spread > 0 ? `${outside.first}-${outside.last}` : String(outside.first + offset);
    }
    into.exposed[key] = {};
    (into.bindings[key] ??= []).push({ HostIp: address, HostPort: hostPort });
  }
}

/** -p and --expose together. */
export function parsePorts(published: readonly string[], exposed: readonly string[]): PortSpecification {
  const result: PortSpecification = { exposed: {}, bindings: {} };
  for (const one of published) publish(one, result);
  for (const one of exposed) {
    if (one.includes(':')) throw usageFailure(`invalid port format for --expose: ${one}`);
    const { range: text, protocol } = splitProtocol(one, one);
    const range = parseRange(text, one);
    for (let port = range.first; port <= range.last; port += 1) result.exposed[`${port}/${protocol}`] = {};
  }
  return result;
}
