import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { ListenTarget, TlsMaterial } from '../api/docker/index.ts';
import { conflict, invalidArgument } from '../base/index.ts';
import type { DaemonOptions } from './options.ts';

const dockerSocketPath = '/var/run/docker.sock';

function groupId(name: string): number | undefined {
  if (name === '') return undefined;
  if (/^\d+$/.test(name)) return Number(name);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  const id = Number(line?.split(':')[2]);
  if (!Number.isInteger(id)) throw invalidArgument('invalid-option', `group: there is no group "${name}" on this host`);
  return id;
}

function tlsMaterial(options: DaemonOptions): TlsMaterial | undefined {
  const { tls } = options;
  if (tls === undefined) return undefined;
  const read = (option: string, path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw invalidArgument('invalid-option', `${option}: ${path} cannot be read`, { cause: error });
    }
  };
  const authority = tls.certificateAuthority;
  return {
    key: read('tlskey', tls.key),
    certificate: read('tlscert', tls.certificate),
    clientAuthority: tls.verifyClients && authority !== undefined ? read('tlscacert', authority) : undefined,
  };
}

/** What -H and --docker-socket ask for. Their forms were checked when the options were parsed. */
export function listenTargets(options: DaemonOptions): readonly ListenTarget[] {
  const group = groupId(options.group);
  const hosts = options.dockerSocket ? [...options.hosts, `unix://${dockerSocketPath}`] : options.hosts;
  return hosts.map((host): ListenTarget => {
    if (host.startsWith('unix://')) {
      return { kind: 'unix', path: host.slice('unix://'.length), ...(group === undefined ? {} : { groupId: group }) };
    }
    const at = host.lastIndexOf(':');
    const address = host.slice('tcp://'.length, at).replace(/^\[(.*)\]$/, '$1');
    return { kind: 'tcp', host: address, port: Number(host.slice(at + 1)), tls: tlsMaterial(options) };
  });
}

/** Removes a socket that a killed daemon left. One that somebody answers at is theirs: conflict. */
export async function clearStaleSocket(path: string): Promise<void> {
  const answered = await new Promise<boolean>((resolve) => {
    const connection = connect(path);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
  if (answered) {
    throw conflict('socket-in-use', `somebody already answers at ${path}`, {
      hint: 'stop that daemon, or choose another --host',
    });
  }
  await rm(path, { force: true });
}
