import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Case, suite } from '../suite.ts';

const sleeper = ['busybox', 'sleep', '1000'] as const;

const listing: readonly Case[] = [
  {
    name: 'ps columns',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...sleeper);
      assert.match(
        await client.ok('ps'),
        /^CONTAINER ID\s+IMAGE\s+COMMAND\s+CREATED\s+STATUS\s+PORTS\s+NAMES\n[0-9a-f]{12}\s+busybox\s+"sleep 1000"\s+.* ago\s+Up .*\s+c1$/,
      );
    },
  },
  {
    name: 'ps shows running ones, -a all, -l the last, -n some, -q ids',
    async run(client) {
      const first = await client.ok('run', '-d', '--name', 'c1', ...sleeper);
      const second = await client.ok('create', '--name', 'c2', 'busybox');
      assert.equal(await client.ok('ps', '-q', '--no-trunc'), first);
      assert.equal(await client.ok('ps', '-aq', '--no-trunc'), `${second}\n${first}`);
      assert.equal(await client.ok('ps', '-lq', '--no-trunc'), second);
      assert.equal(await client.ok('ps', '-q', '-n', '1', '--no-trunc'), second);
    },
  },
  {
    name: 'ps filters',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web-1', '--label', 'tier=front', ...sleeper);
      await client.ok('run', '--name', 'job-1', '--label', 'tier=back', 'busybox', 'false').catch(() => undefined);
      const names = async (...filter: readonly string[]): Promise<string> =>
        await client.ok('ps', '-a', '--format', '{{.Names}}', ...filter.flatMap((one) => ['--filter', one]));
      assert.equal(await names('name=web'), 'web-1');
      assert.equal(await names('name=^/job-1$'), 'job-1');
      assert.equal(await names('label=tier=front'), 'web-1');
      assert.equal(await names('label=tier'), 'job-1\nweb-1');
      assert.equal(await names('status=running'), 'web-1');
      assert.equal(await names('status=exited'), 'job-1');
      assert.equal(await names('exited=1'), 'job-1');
      assert.equal(await names('ancestor=busybox'), 'job-1\nweb-1');
      assert.equal(await names('before=job-1'), 'web-1');
      assert.equal(await names('since=web-1'), 'job-1');
      await client.fails(1, /[Ii]nvalid filter/, 'ps', '--filter', 'nonsense=1');
    },
  },
  {
    name: 'ps --size',
    async run(client) {
      await client.ok('run', '--name', 'c1', 'busybox', 'sh', '-c', 'head -c 5000 /dev/zero > /f');
      assert.match(await client.ok('ps', '-as', '--format', '{{.Size}}'), /^5kB \(virtual [\d.]+MB\)$/);
    },
  },
  {
    name: 'the status in words',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', ...sleeper);
      assert.match(await client.ok('ps', '--format', '{{.Status}}'), /^Up (Less than a second|\d+ seconds?)$/);
      await client.ok('kill', 'c1');
      await client.ok('wait', 'c1');
      assert.match(
        await client.ok('ps', '-a', '--format', '{{.Status}}'),
        /^Exited \(137\) (Less than a second|\d+ seconds?) ago$/,
      );
    },
  },
  {
    name: 'inspect of a running container',
    async run(client) {
      await client.ok('run', '-d', '--name', 'c1', '-e', 'A=1', '--label', 'k=v', '-w', '/tmp', ...sleeper);
      const template =
        '{{.State.Status}} {{.State.Running}} {{.Path}} {{json .Args}} {{.Config.WorkingDir}} {{index .Config.Labels "k"}} {{.RestartCount}} {{.Driver}} {{.HostConfig.LogConfig.Type}} {{.Config.Image}}';
      assert.match(
        await client.inspect('c1', template),
        /^running true sleep \["1000"\] \/tmp v 0 overlay2? json-file busybox$/,
      );
      assert.match(await client.inspect('c1', '{{json .Config.Env}}'), /"A=1","PATH=/);
      assert.match(await client.inspect('c1', '{{.State.StartedAt}}'), /^\d{4}-\d\d-\d\dT/);
    },
  },
  {
    name: 'inspect of what is not there',
    run: async (client) => await client.fails(1, /[Nn]o such object: ghost/, 'inspect', 'ghost'),
  },
  {
    name: 'events of a short life, in order',
    async run(client) {
      const since = String(Math.floor(Date.now() / 1000));
      await client.ok('run', '--rm', '--name', 'eventful', 'busybox', 'true');
      const output = await client.ok(
        'events',
        '--since',
        since,
        '--until',
        String(Math.floor(Date.now() / 1000) + 2),
        '--filter',
        'type=container',
        '--filter',
        'container=eventful',
        '--format',
        '{{.Action}}',
      );
      assert.deepEqual(output.split('\n'), ['create', 'attach', 'start', 'die', 'destroy']);
    },
  },
  {
    name: 'events carry name, image and exit code',
    async run(client) {
      const since = String(Math.floor(Date.now() / 1000));
      await client.run('run', '--name', 'eventful', '--label', 'k=v', 'busybox', 'sh', '-c', 'exit 3');
      const output = await client.ok(
        'events',
        '--since',
        since,
        '--until',
        String(Math.floor(Date.now() / 1000) + 2),
        '--filter',
        'event=die',
        '--format',
        '{{json .Actor.Attributes}}',
      );
      const attributes = JSON.parse(output.split('\n')[0] ?? '{}') as Record<string, string>;
      assert.deepEqual(
        [attributes['name'], attributes['image'], attributes['exitCode'], attributes['k']],
        ['eventful', 'busybox', '3', 'v'],
      );
    },
  },
  {
    name: 'version and info',
    async run(client) {
      assert.match(await client.ok('version', '--format', '{{.Server.APIVersion}} {{.Server.Os}}'), /^1\.\d+ linux$/);
      await client.ok('run', '-d', ...sleeper);
      assert.match(
        await client.ok('info', '--format', '{{.Containers}} {{.ContainersRunning}} {{.Images}} {{.OSType}}'),
        /^1 1 1 linux$/,
      );
    },
  },
  {
    name: 'system df',
    async run(client) {
      await client.ok('create', 'busybox');
      assert.match(
        await client.ok('system', 'df', '--format', '{{.Type}} {{.TotalCount}} {{.Active}}'),
        /^Images 1 1\nContainers 1 0\nLocal Volumes 0 0\nBuild Cache 0 0$/,
      );
    },
  },
  {
    name: 'health: healthy, with its log',
    async run(client) {
      await client.ok(
        'run',
        '-d',
        '--name',
        'c1',
        '--health-cmd',
        'echo fine',
        '--health-interval',
        '200ms',
        ...sleeper,
      );
      const deadline = Date.now() + 20_000;
      while ((await client.inspect('c1', '{{.State.Health.Status}}')) !== 'healthy') assert.ok(Date.now() < deadline);
      assert.match(
        await client.inspect('c1', '{{(index .State.Health.Log 0).ExitCode}} {{(index .State.Health.Log 0).Output}}'),
        /^0 fine/,
      );
      assert.match(await client.ok('ps', '--format', '{{.Status}}'), /\(healthy\)$/);
    },
  },
  {
    name: 'health: unhealthy after its retries',
    async run(client) {
      await client.ok(
        'run',
        '-d',
        '--name',
        'c1',
        '--health-cmd',
        'false',
        '--health-interval',
        '200ms',
        '--health-retries',
        '2',
        ...sleeper,
      );
      const deadline = Date.now() + 20_000;
      while ((await client.inspect('c1', '{{.State.Health.Status}}')) !== 'unhealthy') assert.ok(Date.now() < deadline);
      assert.ok(Number(await client.inspect('c1', '{{.State.Health.FailingStreak}}')) >= 2);
    },
  },
];

const storage: readonly Case[] = [
  {
    name: 'a bind mount, both ways',
    async run(client) {
      const directory = await mkdtemp('/tmp/ct-bind-');
      try {
        await writeFile(join(directory, 'in'), 'from the host\n');
        assert.equal(
          await client.ok(
            'run',
            '--rm',
            '-v',
            `${directory}:/data`,
            'busybox',
            'sh',
            '-c',
            'cat /data/in; echo back > /data/out',
          ),
          'from the host',
        );
        assert.equal(
          await client.ok(
            'run',
            '--rm',
            '-v',
            `${directory}:/data:ro`,
            'busybox',
            'sh',
            '-c',
            'cat /data/out; touch /data/x 2>/dev/null || echo read-only',
          ),
          'back\nread-only',
        );
        assert.equal(
          await client.ok(
            'run',
            '--rm',
            '--mount',
            `type=bind,source=${directory}/in,target=/etc/one,readonly`,
            'busybox',
            'cat',
            '/etc/one',
          ),
          'from the host',
        );
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  },
  {
    name: 'a bind of a missing directory is made, a --mount of one is refused',
    async run(client) {
      const directory = await mkdtemp('/tmp/ct-bind-');
      try {
        await client.ok('run', '--rm', '-v', `${directory}/made:/data`, 'busybox', 'touch', '/data/x');
        await client.fails(
          125,
          /bind source path does not exist/,
          'run',
          '--rm',
          '--mount',
          `type=bind,source=${directory}/missing,target=/data`,
          'busybox',
        );
        await client.fails(125, /invalid|absolute/, 'run', '--rm', '-v', `${directory}:relative`, 'busybox');
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  },
  {
    name: 'a bind inside of a bind, whichever is named first',
    async run(client) {
      const directory = await mkdtemp('/tmp/ct-bind-');
      try {
        await mkdir(join(directory, 'outer/inner'), { recursive: true });
        await writeFile(join(directory, 'one'), '1\n');
        assert.equal(
          await client.ok(
            'run',
            '--rm',
            '-v',
            `${directory}/one:/outer/inner/one`,
            '-v',
            `${directory}/outer:/outer`,
            'busybox',
            'cat',
            '/outer/inner/one',
          ),
          '1',
        );
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  },
  {
    name: 'a named volume keeps its data between containers',
    async run(client) {
      await client.ok('run', '--rm', '-v', 'data:/data', 'busybox', 'sh', '-c', 'echo kept > /data/file');
      assert.equal(
        await client.ok('run', '--rm', '-v', 'data:/elsewhere', 'busybox', 'cat', '/elsewhere/file'),
        'kept',
      );
      assert.match(await client.ok('volume', 'ls', '-q'), /^data$/m);
      await client.ok('volume', 'rm', 'data');
    },
  },
  {
    name: 'a fresh volume is filled with what the image has there',
    async run(client) {
      assert.equal(
        await client.ok('run', '--rm', '-v', 'fresh:/var/www', 'busybox', 'cat', '/var/www/index.html'),
        'hello from busybox',
      );
      assert.equal(
        await client.ok('run', '--rm', '-v', 'fresh:/x', 'busybox', 'cat', '/x/index.html'),
        'hello from busybox',
      );
      await client.ok('volume', 'rm', 'fresh');
    },
  },
  {
    name: 'a volume in use is not removed',
    async run(client) {
      await client.ok('create', '--name', 'c1', '-v', 'held:/data', 'busybox');
      await client.fails(1, /volume is in use/, 'volume', 'rm', 'held');
      await client.ok('rm', 'c1');
      await client.ok('volume', 'rm', 'held');
    },
  },
  {
    name: 'anonymous volumes go with rm -v and --rm',
    async run(client) {
      await client.ok('run', '--rm', '-v', '/data', 'busybox', 'true');
      await client.ok('create', '--name', 'c1', '-v', '/data', 'busybox');
      assert.match(await client.ok('volume', 'ls', '-q'), /^[0-9a-f]{64}$/);
      await client.ok('rm', '-v', 'c1');
      assert.equal(await client.ok('volume', 'ls', '-q'), '');
    },
  },
  {
    name: 'volume create, inspect, prune',
    async run(client) {
      assert.equal(await client.ok('volume', 'create', '--label', 'k=v', 'made'), 'made');
      assert.equal(
        await client.ok('volume', 'inspect', '--format', '{{.Driver}} {{.Labels.k}} {{.Scope}}', 'made'),
        'local v local',
      );
      await client.fails(1, /[Nn]o such volume/, 'volume', 'inspect', 'ghost');
      await client.ok('volume', 'rm', 'made');
      await client.fails(1, /only.*allowed/, 'volume', 'create', '!bad');
    },
  },
  {
    name: '--volumes-from',
    async run(client) {
      await client.ok('run', '--name', 'c1', '-v', 'shared:/data', 'busybox', 'sh', '-c', 'echo x > /data/f');
      assert.equal(await client.ok('run', '--rm', '--volumes-from', 'c1', 'busybox', 'cat', '/data/f'), 'x');
      await client.ok('rm', 'c1');
      await client.ok('volume', 'rm', 'shared');
    },
  },
  {
    name: 'a tmpfs with its size and mode',
    async run(client) {
      assert.equal(
        await client.ok(
          'run',
          '--rm',
          '--tmpfs',
          '/t:size=2m,mode=700',
          'busybox',
          'sh',
          '-c',
          "df -k /t | tail -1 | awk '{print $2}'; stat -c %a /t",
        ),
        '2048\n700',
      );
      assert.equal(
        await client.ok(
          'run',
          '--rm',
          '--mount',
          'type=tmpfs,target=/t,tmpfs-size=1m',
          'busybox',
          'sh',
          '-c',
          "df -k /t | tail -1 | awk '{print $2}'",
        ),
        '1024',
      );
    },
  },
  {
    name: 'inspect shows the mounts',
    async run(client) {
      await client.ok('create', '--name', 'c1', '-v', 'vol:/v', '-v', '/tmp:/host:ro', 'busybox');
      const mounts = JSON.parse(await client.inspect('c1', '{{json .Mounts}}')) as readonly {
        readonly Type: string;
        readonly Destination: string;
        readonly RW: boolean;
        readonly Name?: string;
        readonly Source: string;
      }[];
      const shown = mounts
        .map((mount) => [mount.Type, mount.Destination, mount.RW, mount.Name ?? mount.Source].join(' '))
        .toSorted();
      assert.deepEqual(shown, ['bind /host false /tmp', 'volume /v true vol']);
      await client.ok('rm', 'c1');
      await client.ok('volume', 'rm', 'vol');
    },
  },
];

suite('docker: looking at things', listing);
suite('docker: storage', storage);
