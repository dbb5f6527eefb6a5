import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../support/command.ts';
import { type Case, type Client, suite } from '../suite.ts';

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp('/tmp/ct-img-');
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Makes and imports a small image with one file, and removes it afterwards. */
async function withImage(
  client: Client,
  reference: string,
  changes: readonly string[],
  work: (id: string) => Promise<void>,
): Promise<void> {
  await inDirectory(async (directory) => {
    await writeFile(join(directory, 'file'), `content of ${reference}\n`);
    await runCommand('tar', ['-C', directory, '-cf', join(directory, 'root.tar'), 'file'], {});
    const id = await client.ok(
      'import',
      ...changes.flatMap((change) => ['--change', change]),
      join(directory, 'root.tar'),
      reference,
    );
    try {
      await work(id);
    } finally {
      await client.run('rmi', '-f', id);
    }
  });
}

const images: readonly Case[] = [
  {
    name: 'images lists repository, tag, short id',
    async run(client) {
      assert.equal(await client.ok('images', '--format', '{{.Repository}}:{{.Tag}}'), 'busybox:latest');
      assert.match(await client.ok('images', '-q'), /^[0-9a-f]{12}$/);
      assert.match(await client.ok('images', '-q', '--no-trunc'), /^sha256:[0-9a-f]{64}$/);
    },
  },
  {
    name: 'tag and untag',
    async run(client) {
      await client.ok('tag', 'busybox', 'other/name:v1');
      assert.equal(
        await client.ok('inspect', '--format', '{{.Id}}', 'other/name:v1'),
        await client.ok('inspect', '--type', 'image', '--format', '{{.Id}}', 'busybox'),
      );
      assert.equal(await client.ok('rmi', 'other/name:v1'), 'Untagged: other/name:v1');
      await client.fails(1, /No such image: other\/name:v1|No such object/, 'image', 'inspect', 'other/name:v1');
    },
  },
  {
    name: 'tag with an invalid reference',
    async run(client) {
      await client.fails(1, /invalid reference format|not a valid repository\/tag/, 'tag', 'busybox', 'Upper/Case');
      await client.fails(1, /No such image: ghost:latest/, 'tag', 'ghost', 'x:y');
    },
  },
  {
    name: 'image inspect',
    async run(client) {
      assert.equal(
        await client.ok(
          'image',
          'inspect',
          '--format',
          '{{.Os}} {{json .Config.Cmd}} {{json .RepoTags}} {{len .RootFS.Layers}}',
          'busybox',
        ),
        'linux ["sh"] ["busybox:latest"] 1',
      );
    },
  },
  {
    name: 'history',
    async run(client) {
      assert.match(
        await client.ok('history', '--no-trunc', '--format', '{{.ID}} {{.Size}}', 'busybox'),
        /^sha256:[0-9a-f]{64} [\d.]+[kM]B$/,
      );
    },
  },
  {
    name: 'import with changes',
    run: async (client) =>
      await withImage(
        client,
        'changed:1',
        [
          'CMD ["a", "b"]',
          'ENV X=1 Y=2',
          'EXPOSE 80/tcp',
          'WORKDIR /w',
          'USER ann',
          'LABEL k=v',
          'ENTRYPOINT ["/e"]',
          'VOLUME /data',
        ],
        async () => {
          assert.equal(
            await client.ok(
              'image',
              'inspect',
              '--format',
              '{{json .Config.Cmd}} {{json .Config.Env}} {{json .Config.ExposedPorts}} {{.Config.WorkingDir}} {{.Config.User}} {{json .Config.Labels}} {{json .Config.Entrypoint}} {{json .Config.Volumes}}',
              'changed:1',
            ),
            '["a","b"] ["X=1","Y=2"] {"80/tcp":{}} /w ann {"k":"v"} ["/e"] {"/data":{}}',
          );
        },
      ),
  },
  {
    name: 'import with a change that is no instruction',
    run: async (client) =>
      await inDirectory(async (directory) => {
        await writeFile(join(directory, 'file'), 'x');
        await runCommand('tar', ['-C', directory, '-cf', join(directory, 'r.tar'), 'file'], {});
        const before = await client.ok('images', '-aq');
        const result = await client.run('import', '--change', 'NONSENSE x', join(directory, 'r.tar'), 'x:1');
        assert.notEqual(result.code, 0);
        assert.equal(await client.ok('images', '-aq'), before);
      }),
  },
  {
    name: 'save and load give the same image back',
    run: async (client) =>
      await withImage(client, 'saved:1', ['CMD ["x"]'], async (id) => {
        await inDirectory(async (directory) => {
          await client.ok('save', '-o', join(directory, 'image.tar'), 'saved:1');
          await client.ok('rmi', 'saved:1');
          assert.match(await client.ok('load', '-i', join(directory, 'image.tar')), /Loaded image: saved:1$/);
          assert.equal(await client.ok('image', 'inspect', '--format', '{{.Id}}', 'saved:1'), id);
        });
      }),
  },
  {
    name: 'save to standard output, gzip, load from standard input',
    run: async (client) =>
      await withImage(client, 'piped:1', [], async (id) => {
        const script =
          'docker -H "$1" save piped:1 | gzip > "$2"; docker -H "$1" rmi piped:1; docker -H "$1" load < "$2"';
        await inDirectory(async (directory) => {
          const { stdout } = await runCommand(
            'sh',
            ['-c', script, 'sh', `unix://${client.daemon.socket}`, join(directory, 'i.tgz')],
            {},
          );
          assert.match(stdout, /Loaded image: piped:1/);
          assert.equal(await client.ok('image', 'inspect', '--format', '{{.Id}}', 'piped:1'), id);
        });
      }),
  },
  {
    name: 'save of several images in one archive',
    run: async (client) =>
      await withImage(client, 'one:1', [], async () => {
        await client.ok('tag', 'busybox', 'two:1');
        await inDirectory(async (directory) => {
          await client.ok('save', '-o', join(directory, 'i.tar'), 'one:1', 'two:1');
          await client.ok('rmi', 'one:1', 'two:1');
          const output = await client.ok('load', '-q', '-i', join(directory, 'i.tar'));
          assert.deepEqual(output.split('\n').toSorted(), ['Loaded image: one:1', 'Loaded image: two:1']);
          await client.ok('rmi', 'two:1');
        });
      }),
  },
  {
    name: 'save of a missing image',
    run: async (client) => await client.fails(1, /No such image: ghost/, 'save', '-o', '/tmp/ct-never', 'ghost'),
  },
  {
    name: 'load of what is no archive',
    async run(client) {
      const before = await client.ok('images', '-aq');
      const result = await client.withInput('this is no tar archive at all', 'load');
      assert.notEqual(result.code, 0);
      assert.equal(await client.ok('images', '-aq'), before);
    },
  },
  {
    name: 'load of a truncated archive leaves nothing',
    run: async (client) =>
      await withImage(client, 'cut:1', [], async () => {
        await inDirectory(async (directory) => {
          await client.ok('save', '-o', join(directory, 'i.tar'), 'cut:1');
          await client.ok('rmi', 'cut:1');
          const before = await client.ok('images', '-aq');
          await runCommand('truncate', ['-s', '3000', join(directory, 'i.tar')], {});
          assert.notEqual((await client.run('load', '-i', join(directory, 'i.tar'))).code, 0);
          assert.equal(await client.ok('images', '-aq'), before);
        });
      }),
  },
  {
    name: 'rmi of an image in use',
    run: async (client) =>
      await withImage(client, 'used:1', ['CMD ["x"]'], async () => {
        await client.ok('create', '--name', 'c1', 'used:1');
        await client.fails(
          1,
          /conflict: unable to remove repository reference "used:1" \(must force\) - container [0-9a-f]{12} is using its referenced image/,
          'rmi',
          'used:1',
        );
        await client.ok('rm', 'c1');
        assert.match(await client.ok('rmi', 'used:1'), /Untagged: used:1\nDeleted: sha256:/);
      }),
  },
  {
    name: 'rmi by id with two tags',
    run: async (client) =>
      await withImage(client, 'many:1', [], async (id) => {
        await client.ok('tag', 'many:1', 'many:2');
        await client.ok('tag', 'many:1', 'else:1');
        await client.fails(1, /\(must be forced\) - image is referenced in multiple repositories/, 'rmi', id);
        assert.match(await client.ok('rmi', '-f', id), /Deleted: sha256:/);
      }),
  },
  {
    name: 'rmi of a missing image',
    run: async (client) => await client.fails(1, /No such image: ghost/, 'rmi', 'ghost'),
  },
  {
    name: 'image prune removes the dangling ones alone',
    run: async (client) =>
      await withImage(client, 'dangle:1', [], async (id) => {
        await client.ok('tag', 'busybox', 'dangle:1');
        assert.match(await client.ok('images', '-q', '--no-trunc', '--filter', 'dangling=true'), new RegExp(id));
        assert.match(await client.ok('image', 'prune', '-f'), new RegExp(id));
        assert.equal(await client.ok('images', '-q', '--filter', 'dangling=true'), '');
        await client.ok('rmi', 'dangle:1');
      }),
  },
  {
    name: 'images with filters',
    run: async (client) =>
      await withImage(client, 'labelled:1', ['LABEL color=red'], async () => {
        const list = async (...filter: readonly string[]): Promise<string> =>
          await client.ok(
            'images',
            '--format',
            '{{.Repository}}:{{.Tag}}',
            ...filter.flatMap((one) => ['--filter', one]),
          );
        assert.equal(await list('label=color=red'), 'labelled:1');
        assert.equal(await list('label=color'), 'labelled:1');
        assert.equal(await list('label=color=blue'), '');
        assert.equal(await list('reference=label*'), 'labelled:1');
        assert.equal(await list('reference=busybox:*'), 'busybox:latest');
      }),
  },
  {
    name: 'run of a missing image names it',
    run: async (client) => await client.fails(125, /ghost:latest|ghost/, 'run', '--pull', 'never', 'ghost', 'true'),
  },
  {
    name: 'export gives the files of the container',
    async run(client) {
      await client.ok('run', '--name', 'c1', 'busybox', 'sh', '-c', 'echo changed > /etc/group; rm /etc/passwd');
      await inDirectory(async (directory) => {
        await client.ok('export', '-o', join(directory, 'e.tar'), 'c1');
        const { stdout } = await runCommand('tar', ['-xOf', join(directory, 'e.tar'), 'etc/group'], {});
        assert.equal(stdout, 'changed\n');
        const list = await runCommand('tar', ['-tf', join(directory, 'e.tar')], {});
        assert.ok(!list.stdout.split('\n').includes('etc/passwd'));
        assert.ok(list.stdout.split('\n').includes('bin/busybox'));
      });
    },
  },
  {
    name: 'export of a running container',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', 'busybox', 'sleep', '1000');
      await inDirectory(async (directory) => {
        await client.ok('export', '-o', join(directory, 'e.tar'), 'c1');
        const list = await runCommand('tar', ['-tf', join(directory, 'e.tar')], {});
        assert.ok(list.stdout.split('\n').includes('bin/busybox'));
      });
    },
  },
];

suite('docker images', images);
