import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../support/command.ts';
import { eventually } from '../../support/eventually.ts';
import { compileProgram } from '../../support/programs.ts';
import { type Case, type Client, suite } from '../suite.ts';

const web = ['busybox', 'httpd', '-f', '-p', '80', '-h', '/var/www'] as const;

function hostAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((one) => one.family === 'IPv4' && !one.internal)?.address ?? '127.0.0.1';
}

async function fetches(url: string): Promise<void> {
  await eventually(
    async () =>
      await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
        async (response) => (await response.text()) === 'hello from busybox\n',
        () => false,
      ),
    20_000,
    url,
  );
}

async function hostPort(client: Client, name: string, containerPort: string): Promise<string> {
  return (await client.ok('port', name, containerPort)).split('\n')[0]?.split(':').at(-1) ?? '';
}

/** `ip -4 -o addr show eth0` without iproute2: busybox has ip. */
const address = async (client: Client, name: string): Promise<string> =>
  await client.inspect(name, '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}');

const cases: readonly Case[] = [
  {
    name: '--hostname is in /etc/hosts, with the address',
    async run(client) {
      assert.match(
        await client.ok('run', '--rm', '--hostname', 'web', 'busybox', 'cat', '/etc/hosts'),
        /^172\.[\d.]+\tweb$|^[\d.]+\s+web$/m,
      );
    },
  },
  {
    name: '--add-host',
    async run(client) {
      assert.match(
        await client.ok('run', '--rm', '--add-host', 'db:10.1.2.3', 'busybox', 'cat', '/etc/hosts'),
        /^10\.1\.2\.3\s+db$/m,
      );
    },
  },
  {
    name: '--dns and --dns-search',
    async run(client) {
      const text = await client.ok(
        'run',
        '--rm',
        '--dns',
        '9.9.9.9',
        '--dns-search',
        'example.test',
        'busybox',
        'cat',
        '/etc/resolv.conf',
      );
      assert.match(text, /^nameserver 9\.9\.9\.9$/m);
      assert.match(text, /^search example\.test$/m);
    },
  },
  {
    name: 'an interface, an address and a default route',
    async run(client) {
      const output = await client.ok('run', '--rm', 'busybox', 'sh', '-c', 'ip -4 -o addr show eth0; ip route');
      assert.match(output, /inet 1[\d.]+\/\d+/);
      assert.match(output, /^default via [\d.]+ dev eth0/m);
    },
  },
  {
    name: '--network none has loopback alone',
    async run(client) {
      assert.equal(
        await client.ok(
          'run',
          '--rm',
          '--network',
          'none',
          'busybox',
          'sh',
          '-c',
          'ls /sys/class/net; ip route | wc -l',
        ),
        'lo\n0',
      );
    },
  },
  {
    name: '--network host is the network of the host',
    async run(client) {
      const own = (await runCommand('readlink', ['/proc/self/ns/net'], {})).stdout.trim();
      assert.equal(
        await client.ok('run', '--rm', '--network', 'host', 'busybox', 'readlink', '/proc/self/ns/net'),
        own,
      );
    },
  },
  {
    name: '--network container:X shares one',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', ...web);
      assert.equal(
        await client.ok('run', '--rm', '--network', 'container:web', 'busybox', 'wget', '-qO-', 'http://127.0.0.1/'),
        'hello from busybox',
      );
    },
  },
  {
    name: 'containers reach each other by address',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', ...web);
      assert.equal(
        await client.ok('run', '--rm', 'busybox', 'wget', '-qO-', `http://${await address(client, 'web')}/`),
        'hello from busybox',
      );
    },
  },
  {
    name: 'a container reaches the host by its gateway',
    async run(client) {
      const server = createServer((socket) => socket.end('host\n'));
      await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
      try {
        const bound = server.address();
        assert.ok(typeof bound === 'object' && bound !== null);
        const script = `nc $(ip route | awk '/default/ {print $3}') ${bound.port} </dev/null`;
        assert.equal(await client.ok('run', '--rm', 'busybox', 'sh', '-c', script), 'host');
      } finally {
        server.close();
      }
    },
  },
  {
    name: '-p publishes on every address of the host',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', '-p', '18080:80', ...web);
      assert.match(await client.ok('port', 'web'), /^80\/tcp -> 0\.0\.0\.0:18080/);
      await fetches('http://127.0.0.1:18080/');
      await fetches(`http://${hostAddress()}:18080/`);
      await fetches('http://[::1]:18080/');
      await fetches('http://localhost:18080/');
      assert.match(await client.ok('ps', '--format', '{{.Ports}}'), /0\.0\.0\.0:18080->80\/tcp/);
    },
  },
  {
    name: 'a published port is reached from another container, and from itself',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', '-p', '18081:80', ...web);
      const url = `http://${hostAddress()}:18081/`;
      assert.equal(await client.ok('run', '--rm', 'busybox', 'wget', '-qO-', url), 'hello from busybox');
      assert.equal(await client.ok('exec', 'web', 'wget', '-qO-', url), 'hello from busybox');
    },
  },
  {
    name: '-p on 127.0.0.1 alone',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', '-p', '127.0.0.1:18082:80', ...web);
      await fetches('http://127.0.0.1:18082/');
      await assert.rejects(fetch(`http://${hostAddress()}:18082/`, { signal: AbortSignal.timeout(3000) }));
    },
  },
  {
    name: 'the system chooses a port',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', '-p', '80', ...web);
      await fetches(`http://127.0.0.1:${await hostPort(client, 'web', '80')}/`);
    },
  },
  {
    name: '-P publishes what is exposed',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', '--expose', '80', '-P', ...web);
      await fetches(`http://127.0.0.1:${await hostPort(client, 'web', '80')}/`);
    },
  },
  {
    name: 'ranges of ports',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', '-p', '18090-18091:80-81', ...web);
      assert.match(await client.ok('port', 'web'), /80\/tcp -> 0\.0\.0\.0:18090[\s\S]*81\/tcp -> 0\.0\.0\.0:18091/);
      await client.ok('run', '-d', '--name', 'web2', '-p', '18091-18095:80', ...web);
      assert.equal(await hostPort(client, 'web2', '80'), '18092');
    },
  },
  {
    name: 'udp',
    async run(client) {
      const program = join(client.daemon.directory, 'udp-echo');
      await compileProgram('udp-echo', program);
      await client.ok(
        'run',
        '-d',
        '--name',
        'c1',
        '-p',
        '18083:53/udp',
        '-v',
        `${program}:/udp-echo`,
        'busybox',
        '/udp-echo',
        '53',
      );
      const socket = createSocket('udp4');
      try {
        const answered = new Promise<string>((resolve) =>
          socket.once('message', (message) => resolve(message.toString())),
        );
        // A datagram that comes before the server listens is lost, as datagrams may be: so again until one is answered.
        const timer = setInterval(() => socket.send('datagram', 18083, '127.0.0.1'), 100);
        answered.finally(() => clearInterval(timer)).catch(() => undefined);
        const late = new Promise<string>((resolve) => setTimeout(() => resolve('no answer'), 20_000).unref());
        assert.equal(await Promise.race([answered, late]), 'datagram');
        clearInterval(timer);
      } finally {
        socket.close();
      }
    },
  },
  {
    name: 'a port in use is refused and leaves the state as it was',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', '-p', '18084:80', ...web);
      await client.fails(
        125,
        /port is already allocated|address already in use/,
        'run',
        '-d',
        '--name',
        'web2',
        '-p',
        '18084:80',
        ...web,
      );
      assert.equal(await client.inspect('web2', '{{.State.Status}}'), 'created');
      await fetches('http://127.0.0.1:18084/');
    },
  },
  {
    name: 'a port that a process of the host holds',
    async run(client) {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(18085, '0.0.0.0', resolve));
      try {
        await client.fails(
          125,
          /address already in use|port is already allocated/,
          'run',
          '-d',
          '-p',
          '18085:80',
          ...web,
        );
      } finally {
        server.close();
      }
    },
  },
  {
    name: 'the port is free again after the stop, and comes back with start',
    async run(client) {
      await client.ok('run', '-d', '--name', 'web', '-p', '18086:80', ...web);
      await client.ok('kill', 'web');
      await client.ok('wait', 'web');
      await assert.rejects(fetch('http://127.0.0.1:18086/', { signal: AbortSignal.timeout(3000) }));
      await client.ok('start', 'web');
      await fetches('http://127.0.0.1:18086/');
    },
  },
  {
    name: 'the client address is kept',
    async run(client) {
      await client.ok(
        'run',
        '-d',
        '--name',
        'c1',
        '-p',
        '18087:80',
        'busybox',
        'sh',
        '-c',
        'nc -l -p 80 -e sh -c "netstat -tn | grep ESTABLISHED | grep :80" ; sleep 1000',
      );
      // From a container, which is not the host, through the published port of the host: the source is masqueraded at
      // most to the bridge's own address, never to 127.0.0.1.
      const { stdout } = await client.run(
        'run',
        '--rm',
        'busybox',
        'sh',
        '-c',
        `nc -w 3 ${hostAddress()} 18087 </dev/null`,
      );
      assert.doesNotMatch(stdout, /127\.0\.0\.1/);
    },
  },
  {
    name: 'network ls and inspect',
    async run(client) {
      assert.deepEqual(
        (await client.ok('network', 'ls', '--format', '{{.Name}} {{.Driver}} {{.Scope}}')).split('\n').toSorted(),
        ['bridge bridge local', 'host host local', 'none null local'],
      );
      await client.ok('run', '-d', '--name', 'web', ...web);
      assert.equal(
        await client.ok('network', 'inspect', '--format', '{{range .Containers}}{{.Name}}{{end}}', 'bridge'),
        'web',
      );
      await client.fails(1, /[Nn]o such network|network ghost not found/, 'network', 'inspect', 'ghost');
    },
  },
  {
    name: 'an unknown network',
    run: async (client) => await client.fails(125, /network ghost not found/, 'run', '--network', 'ghost', 'busybox'),
  },
  {
    name: 'ports with the network of the host are discarded or refused, not half done',
    async run(client) {
      const result = await client.run('run', '--rm', '--network', 'host', '-p', '18088:80', 'busybox', 'true');
      assert.equal(result.code, 0, result.stderr);
      assert.match(result.stderr, /[Pp]ublished ports are discarded/);
    },
  },
];

suite('docker: networking', cases, { network: true });
