import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { hasErrno } from '../kernel/index.ts';
import { hostsFile } from '../network/index.ts';
import type { EndpointRecord } from '../network/types.ts';
import type { EngineContext } from './context.ts';
import type { Container } from './types.ts';

/**
 * Writes a container's /etc/hostname, /etc/resolv.conf and /etc/hosts, anew at every start: a crash in between leaves
 * files that the next start overwrites.
 */
export async function writeContainerFiles(
  context: Pick<EngineContext, 'networks'>,
  container: Container,
  endpoint: EndpointRecord | undefined,
): Promise<void> {
  const { files, effective, configuration } = container;
  const { host } = configuration;
  const hostNetwork = host.networkMode === 'host';
  const write = async (): Promise<void> => {
    await Promise.all([
      writeFile(files.hostname, `${effective.hostname}\n`, { mode: 0o644 }),
      hostNetwork && host.dns.length + host.dnsSearch.length + host.dnsOptions.length === 0
        ? copyHostFile('/etc/resolv.conf', files.resolvConf)
        : writeResolver(context, container),
      hostNetwork && host.extraHosts.length === 0
        ? copyHostFile('/etc/hosts', files.hosts)
        : writeFile(files.hosts, hostsText(container, endpoint), { mode: 0o644 }),
    ]);
  };
  try {
    await write();
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
    // Somebody removed the directory: it holds nothing that cannot be made again.
    await mkdir(files.hosts.slice(0, files.hosts.lastIndexOf('/')), { recursive: true, mode: 0o710 });
    await write();
  }
}

function hostsText({ effective, configuration }: Container, endpoint: EndpointRecord | undefined): string {
  const extraHosts = configuration.host.extraHosts.map((entry) =>
    endpoint !== undefined && entry.endsWith(':host-gateway')
      ? entry.replace(/host-gateway$/, endpoint.gateway)
      : entry.replace(/:host-gateway$/, ':127.0.0.1'),
  );
  return hostsFile({
    hostname: effective.hostname,
    domainname: configuration.domainname,
    address: endpoint?.address,
    extraHosts,
  });
}

async function writeResolver({ networks }: Pick<EngineContext, 'networks'>, container: Container): Promise<void> {
  const { dns, dnsSearch, dnsOptions } = container.configuration.host;
  const text = await networks.resolverConfiguration({ servers: dns, search: dnsSearch, options: dnsOptions });
  await writeFile(container.files.resolvConf, text, { mode: 0o644 });
}

async function copyHostFile(source: string, target: string): Promise<void> {
  try {
    await copyFile(source, target);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
    // Either the host has no such file, or the directory is missing, which this says.
    await writeFile(target, '', { mode: 0o644 });
  }
}
