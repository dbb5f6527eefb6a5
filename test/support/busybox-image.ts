import { mkdir, mkdtemp, rm, symlink, writeFile, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import type { TestDaemon } from './daemons.ts';

/** A root file system tar from the host's static busybox, the same for every daemon under test. */
async function makeRootTar(target: string): Promise<void> {
  const root = await mkdtemp('/tmp/bb-');
  try {
    for (const directory of ['bin', 'etc', 'tmp', 'root', 'dev', 'proc', 'sys', 'var/www', 'home/ann'])
      await mkdir(join(root, directory), { recursive: true });
    await copyFile('/bin/busybox', join(root, 'bin/busybox'));
    const applets = (await runCommand('/bin/busybox', ['--list'], {})).stdout
      .split('\n')
      .filter((name) => name !== '' && name !== 'busybox');
    for (const applet of applets) await symlink('busybox', join(root, 'bin', applet));
    await writeFile(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann:/home/ann:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    );
    await writeFile(join(root, 'etc/group'), 'root:x:0:\nann:x:1000:\nstaff:x:50:ann\nusers:x:100:\n');
    await writeFile(join(root, 'var/www/index.html'), 'hello from busybox\n');
    const { code, stderr } = await runCommand(
      'sh',
      [
        '-c',
        'chmod 1777 "$1/tmp" && chown -R 1000:1000 "$1/home/ann" && tar --sort=name -C "$1" -cf "$2" .',
        'sh',
        root,
        target,
      ],
      {},
    );
    if (code !== 0) throw new Error(`tar: ${stderr}`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Puts `busybox:latest` into a daemon by `docker import`. Returns the image id. */
export async function importBusybox(daemon: TestDaemon, reference = 'busybox:latest'): Promise<string> {
  const tar = join(daemon.directory, 'busybox-root.tar');
  await makeRootTar(tar);
  const change = [
    '--change',
    'CMD ["sh"]',
    '--change',
    'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  ];
  const { code, stdout, stderr } = await daemon.docker(['import', ...change, tar, reference]);
  await rm(tar);
  if (code !== 0) throw new Error(`docker import: ${stderr}\n${await daemon.log()}`);
  return stdout.trim();
}
