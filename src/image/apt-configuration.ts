import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { hasErrno } from '../kernel/kernel-error.ts';

/* What this machine's apt is told: by asking apt, so that all of its file formats and overrides count. */

async function ask(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, [...args], { signal, timeout: 30_000 });
    return stdout;
  } catch (error) {
    // Not a Debian machine: mmdebstrap's defaults have to do.
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

/**
 * Lines for sources.list of the mirrors that this machine's apt has for a suite; none when it has none: then
 * mmdebstrap knows the public ones.
 */
export async function aptMirrors(suite: string, signal: AbortSignal): Promise<string[]> {
  const format = '$(REPO_URI) $(SUITE) $(CODENAME) $(COMPONENT) $(RELEASE)';
  const lines = await ask('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], signal);
  return mirrorLines(lines, suite);
}

/** @param targets lines of "URI SUITE CODENAME COMPONENT RELEASE" as `apt-get indextargets` prints them */
export function mirrorLines(targets: string, suite: string): string[] {
  const names = new Set([suite, `${suite}-updates`, `${suite}-security`]);
  const found = new Set<string>();
  let complete = false;
  for (const line of targets.split('\n')) {
    const [uri, ...rest] = line.trim().split(' ');
    if (uri === undefined || !/^https?:\/\//.test(uri) || !rest.includes('main')) continue;
    const name = rest.find((candidate) => names.has(candidate));
    if (name === undefined) continue;
    if (name === suite) complete = true;
    found.add(`deb ${uri} ${name} main`);
  }
  return complete ? [...found].toSorted() : [];
}

/** http_proxy and https_proxy from Acquire::http::Proxy and its like. */
export async function aptProxies(signal: AbortSignal): Promise<Record<string, string>> {
  const proxies: Record<string, string> = {};
  for (const scheme of ['http', 'https']) {
    const output = await ask('apt-config', ['shell', 'PROXY', `Acquire::${scheme}::Proxy`], signal);
    const value = /^PROXY='([^']*)'/.exec(output.trim())?.[1];
    if (value !== undefined && value !== '' && value !== 'DIRECT') proxies[`${scheme}_proxy`] = value;
  }
  return proxies;
}
