/** What a daemon may leave on the host, looked at with the kernel's own eyes rather than the daemon's. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { runCommand } from './command.ts';

async function mountsOf(needle: string): Promise<readonly string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text.split('\n').filter((line) => line.includes(needle));
}

/** Descriptors of a process: what a monitor holds says whose it is, while its command line does not. */
async function descriptorsOf(pid: string): Promise<readonly string[]> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  return await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
}

async function processesOf(directory: string, instance: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const clues = [
      command,
      await readlink(`/proc/${entry}/cwd`).catch(() => ''),
      await readFile(`/proc/${entry}/cgroup`, 'utf8').catch(() => ''),
      ...(await descriptorsOf(entry)),
    ];
    if (clues.some((clue) => clue.includes(directory) || clue.includes(`corten-${instance}`)))
      found.push(`${entry} ${command.replaceAll('\0', ' ')}`);
  }
  return found;
}

async function socketsOf(directory: string): Promise<readonly string[]> {
  const text = await readFile('/proc/net/unix', 'utf8');
  return text.split('\n').filter((line) => line.includes(` ${directory}/`));
}

async function cgroupsOf(needle: string): Promise<readonly string[]> {
  const { stdout } = await runCommand('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `*${needle}*`], {});
  return stdout.split('\n').filter(Boolean);
}

async function linksOf(instance: string): Promise<readonly string[]> {
  const names = await readdir('/sys/class/net');
  return names.filter((name) => name.includes(instance));
}

async function tablesOf(instance: string): Promise<readonly string[]> {
  const { stdout } = await runCommand('nft', ['list', 'tables'], {});
  return stdout.split('\n').filter((line) => line.includes(instance));
}

/** Network namespaces in use, by inode: of processes and of mounts. */
export async function networkNamespaces(): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const link = await readlink(`/proc/${entry}/ns/net`).catch(() => undefined);
    if (link !== undefined) found.add(link);
  }
  return found;
}

/**
 * Everything of a daemon that is still there, one readable line each; empty when it left nothing.
 * @param directory the daemon's own directory @param instance its six hex digits
 */
export async function leftoversOf(directory: string, instance: string): Promise<readonly string[]> {
  const kinds = {
    mount: await mountsOf(directory),
    process: await processesOf(directory, instance),
    socket: await socketsOf(directory),
    cgroup: await cgroupsOf(instance),
    link: await linksOf(instance),
    'nftables table': await tablesOf(instance),
  };
  return Object.entries(kinds).flatMap(([kind, list]) => list.map((one) => `${kind}: ${one}`));
}
