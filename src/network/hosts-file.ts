export interface HostsFileContent {
  readonly hostname: string;
  readonly domainname: string;
  /** undefined on a network without addresses. */
  readonly address: string | undefined;
  /** "name:address", as in `--add-host`. */
  readonly extraHosts: readonly string[];
}

const loopbackLines = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
] as const;

/** A container's /etc/hosts in Docker's layout: loopback, extra hosts, its own name. */
export function hostsFile(content: HostsFileContent): string {
  const extra = content.extraHosts.map((entry) => {
    // Addresses hold colons too: only the first one separates.
    const colon = entry.indexOf(':');
    return `${entry.slice(colon + 1)}\t${entry.slice(0, colon)}`;
  });
  const { address, hostname, domainname } = content;
  const names = domainname === '' ? hostname : `${hostname}.${domainname} ${hostname}`;
  const own = address === undefined ? [] : [`${address}\t${names}`];
  return `${[...loopbackLines, ...extra, ...own].join('\n')}\n`;
}
