import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { PortPublication, PreparedNamespace } from '../../../src/network/index.ts';
import { command, eventually, World } from './world.ts';

const publication = (fields: Partial<PortPublication> & { readonly containerPort: number }): PortPublication => ({
  protocol: 'tcp',
  hostAddress: '',
  hostPortFirst: 0,
  hostPortLast: 0,
  ...fields,
});

type Container = PreparedNamespace & { readonly address: string };

const portOf = (container: Container): number => {
  const port = container.endpoint?.ports[0]?.hostPort;
  assert.ok(port !== undefined && port > 0);
  return port;
};

/** RFC 5737 documentation ranges: never anybody's. */
const hostAddress = '198.51.100.1';
const outsideAddress = '198.51.100.2';

/** What an attacker with a network namespace of his own does to send packets to 127.0.0.1 of another machine. */
function routeLoopbackVia(namespace: number, gateway: string, link: string): void {
  const inside = ['nsenter', `--net=/proc/${process.pid}/fd/${namespace}`] as const;
  command(...inside, 'sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1');
  command(...inside, 'ip', 'address', 'del', '127.0.0.1/8', 'dev', 'lo');
  command(...inside, 'ip', 'rule', 'add', 'pref', '0', 'to', '127.0.0.0/8', 'lookup', '100');
  command(...inside, 'ip', 'route', 'add', '127.0.0.0/8', 'via', gateway, 'dev', link, 'table', '100');
}

describe('traffic of containers on the bridge', () => {
  const world = new World();
  let outside = 0;
  let server: Container;
  let neighbour: Container;

  before(async () => {
    await world.service.start();
    outside = world.outside(`o${process.pid}`, hostAddress, outsideAddress);
    server = await world.prepare('server', { publications: [publication({ containerPort: 80 })] });
    neighbour = await world.prepare('neighbour');
    await world.serve(server.descriptor, 'tcp', '0.0.0.0', 80);
    await world.serve(outside, 'tcp', '0.0.0.0', 80);
  });

  after(async () => {
    await world.close();
    assert.deepEqual(world.traces(), []);
  });

  it('reaches the host by the gateway', async () => {
    const gateway = server.endpoint?.gateway ?? '';
    const port = await world.serve(undefined, 'tcp', gateway, 0);
    assert.equal(await world.ask(server.descriptor, 'tcp', gateway, port), server.address);
  });

  it('leaves by the address of the host', async () => {
    assert.equal(await world.ask(server.descriptor, 'tcp', outsideAddress, 80), hostAddress);
  });

  it('goes from container to container unchanged', async () => {
    assert.equal(await world.ask(neighbour.descriptor, 'tcp', server.address, 80), neighbour.address);
  });

  it('reaches a published port from the host by 127.0.0.1', async () => {
    assert.equal(await world.ask(undefined, 'tcp', '127.0.0.1', portOf(server)), server.endpoint?.gateway);
  });

  it("reaches a published port from the host by the host's own address", async () => {
    assert.equal(await world.ask(undefined, 'tcp', hostAddress, portOf(server)), hostAddress);
  });

  it('reaches a published port from outside, which the container sees with its own address', async () => {
    assert.equal(await world.ask(outside, 'tcp', hostAddress, portOf(server)), outsideAddress);
  });

  it("reaches a neighbour's published port by an address of the host", async () => {
    assert.equal(await world.ask(neighbour.descriptor, 'tcp', hostAddress, portOf(server)), server.endpoint?.gateway);
  });

  it('reaches its own published port (hairpin)', async () => {
    assert.equal(await world.ask(server.descriptor, 'tcp', hostAddress, portOf(server)), server.endpoint?.gateway);
  });

  it('is not entered from outside but by published ports', async () => {
    const route = ['route', 'add', server.address, 'via', hostAddress];
    command('nsenter', `--net=/proc/${process.pid}/fd/${outside}`, 'ip', ...route);
    assert.equal(await world.ask(outside, 'tcp', server.address, 80, 1_000), 'failed ETIMEDOUT');
  });

  it('does not reach the loopback of the host, although route_localnet is on', async () => {
    const listener = createServer((socket) => socket.end('reached')).listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    const address = listener.address();
    assert.ok(typeof address === 'object' && address !== null);
    const gateway = server.endpoint?.gateway ?? '';
    routeLoopbackVia(neighbour.descriptor, gateway, 'eth0');
    const answer = await world.ask(neighbour.descriptor, 'tcp', '127.0.0.1', address.port, 1_000);
    listener.close();
    assert.match(answer, /^failed/);
  });

  it('has no IPv6 beside its loopback', () => {
    const inside = [
      'nsenter',
      `--net=/proc/${process.pid}/fd/${server.descriptor}`,
      'ip',
      '-6',
      '-o',
      'address',
    ] as const;
    assert.equal(command(...inside, 'show', 'dev', 'eth0'), '');
    assert.match(command(...inside, 'show', 'dev', 'lo'), /::1/);
  });

  it('counts bytes, and explains links, routes and rules', async () => {
    const holder = world.hold(server.descriptor);
    const [statistics] = await world.service.interfaceStatistics(holder);
    assert.equal(statistics?.name, 'eth0');
    assert.ok(statistics.receivedBytes > 0 && statistics.sentPackets > 0);
    const explanation = await world.service.explain('server', holder);
    const eth0 = explanation.interfaces.find((each) => each.name === 'eth0');
    assert.equal(eth0?.hostPeer, server.endpoint?.hostInterface);
    assert.deepEqual(eth0?.addresses, [`${server.address}/24`]);
    assert.ok(explanation.routes.some((route) => route.gateway === server.endpoint?.gateway));
    const element = `tcp . ${portOf(server)} : ${server.address} . 80`;
    assert.ok(explanation.rules.some((line) => line.includes(element) && !line.includes('missing')));
  });
});

describe('publishing ports', () => {
  const world = new World();
  const networkId = (): string => world.service.resolve('bridge').id;

  before(async () => {
    await world.service.start();
  });

  after(async () => {
    await world.close();
    assert.deepEqual(world.traces(), []);
  });

  it('serves udp', async () => {
    const container = await world.prepare('udp', {
      publications: [publication({ containerPort: 53, protocol: 'udp' })],
    });
    await world.serve(container.descriptor, 'udp', '0.0.0.0', 53);
    assert.equal(await world.ask(undefined, 'udp', '127.0.0.1', portOf(container)), container.endpoint?.gateway);
    assert.deepEqual(
      container.endpoint?.ports.map((port) => port.hostAddress),
      ['0.0.0.0'],
    );
  });

  it('reaches udp clients that were sending before the port was published', async () => {
    const first = await world.prepare('early', { publications: [publication({ containerPort: 53, protocol: 'udp' })] });
    const port = portOf(first);
    await world.service.release('early');
    world.end(first);
    const answer = world.ask(undefined, 'udp', '127.0.0.1', port, 20_000);
    await eventually('the client has sent', () =>
      readFileSync('/proc/net/nf_conntrack', 'utf8').includes(`dport=${port} [UNREPLIED]`),
    );
    const fixed = publication({ containerPort: 53, protocol: 'udp', hostPortFirst: port, hostPortLast: port });
    const second = await world.prepare('early', { publications: [fixed] });
    await world.serve(second.descriptor, 'udp', '0.0.0.0', 53);
    assert.equal(await answer, second.endpoint?.gateway);
  });

  it('keeps what is published on loopback from neighbours that route to it', async () => {
    const container = await world.prepare('loopback', {
      publications: [publication({ containerPort: 80, hostAddress: '127.0.0.1' })],
    });
    await world.serve(container.descriptor, 'tcp', '0.0.0.0', 80);
    const link = `l${process.pid}`;
    const outside = world.outside(link, hostAddress, outsideAddress);
    routeLoopbackVia(outside, hostAddress, `${link}o`);
    assert.match(await world.ask(outside, 'tcp', '127.0.0.1', portOf(container), 1_000), /^failed/);
  });

  it('publishes at one address of the host only', async () => {
    const container = await world.prepare('one', {
      publications: [publication({ containerPort: 80, hostAddress: '127.0.0.1' })],
    });
    await world.serve(container.descriptor, 'tcp', '0.0.0.0', 80);
    const port = portOf(container);
    assert.equal(await world.ask(undefined, 'tcp', '127.0.0.1', port), container.endpoint?.gateway);
    assert.equal(await world.ask(undefined, 'tcp', container.endpoint?.gateway ?? '', port), 'failed ECONNREFUSED');
    assert.deepEqual(container.relays, []);
  });

  it('hands out listening IPv6 sockets for tcp', async () => {
    const container = await world.prepare('six', { publications: [publication({ containerPort: 81 })] });
    const [relay] = container.relays;
    assert.deepEqual({ address: relay?.address, port: relay?.port }, { address: container.address, port: 81 });
    assert.match(command('ss', '-Hltn6', `sport = ${portOf(container)}`), /\[::\]/);
    const only = await world.prepare('six-only', {
      publications: [publication({ containerPort: 81, hostAddress: '::1' })],
    });
    assert.equal(only.heldDescriptors.length, 0);
    assert.equal(only.relays.length, 1);
    await assert.rejects(
      world.prepare('six-udp', {
        publications: [publication({ containerPort: 81, hostAddress: '::1', protocol: 'udp' })],
      }),
      { code: 'ipv6-datagram-port' },
    );
  });

  it('takes the first free port of a range', async () => {
    const first = await world.prepare('range1', { publications: [publication({ containerPort: 80 })] });
    const from = portOf(first);
    const range = publication({ containerPort: 80, hostPortFirst: from, hostPortLast: Math.min(from + 20, 65_535) });
    const second = await world.prepare('range2', { publications: [range] });
    assert.ok(portOf(second) > from && portOf(second) <= from + 20);
  });

  it('reports a port of another container in the words of Docker, and leaves everything as before', async () => {
    const owner = await world.prepare('owner', { publications: [publication({ containerPort: 80 })] });
    const port = portOf(owner);
    const table = (): string => command('nft', 'list', 'table', 'ip', `corten-${world.settings.instance}`);
    const state = (): unknown => [table(), world.service.endpoints(networkId()).length, world.traces()];
    const before = state();
    const free = publication({ containerPort: 79 });
    const taken = publication({ containerPort: 80, hostPortFirst: port, hostPortLast: port });
    await assert.rejects(world.prepare('loser', { containerName: 'web', publications: [free, taken] }), {
      code: 'port-in-use',
      kind: 'conflict',
      message: `driver failed programming external connectivity on endpoint web (loser): Bind for 0.0.0.0:${port} failed: port is already allocated`,
    });
    assert.deepEqual(state(), before);
  });

  it("reports a port that a program of the host has, also when it set SO_REUSEADDR as Node's servers do", async () => {
    const listener = createServer().listen(0, '0.0.0.0');
    await new Promise((resolve) => listener.once('listening', resolve));
    const address = listener.address();
    assert.ok(typeof address === 'object' && address !== null);
    const wanted = publication({ containerPort: 80, hostPortFirst: address.port, hostPortLast: address.port });
    await assert.rejects(world.prepare('stranger', { publications: [wanted] }), {
      code: 'port-in-use',
      message: /address already in use$/,
    });
    listener.close();
  });

  it('keeps programs of the host off a published port', async () => {
    const container = await world.prepare('keeper', { publications: [publication({ containerPort: 80 })] });
    const listener = createServer();
    const error = await new Promise((resolve) => listener.once('error', resolve).listen(portOf(container), '0.0.0.0'));
    assert.ok(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE');
  });

  it('refuses what cannot be bound', async () => {
    const refused = async (fields: Partial<PortPublication>, code: string): Promise<void> => {
      await assert.rejects(world.prepare('bad', { publications: [publication({ containerPort: 80, ...fields })] }), {
        code,
      });
    };
    await refused({ hostAddress: '192.0.2.253' }, 'host-address-unavailable');
    await refused({ hostAddress: 'localhost' }, 'invalid-host-address');
    await refused({ hostPortFirst: 70_000, hostPortLast: 70_000 }, 'invalid-port');
    await refused({ hostPortFirst: 9, hostPortLast: 8 }, 'invalid-port');
    await refused({ containerPort: 0 }, 'invalid-port');
  });

  it('says so when the kernel has no SCTP', { skip: existsSync('/proc/net/sctp') }, async () => {
    await assert.rejects(
      world.prepare('sctp', { publications: [publication({ containerPort: 80, protocol: 'sctp' })] }),
      { code: 'sctp-unavailable', kind: 'not-implemented', message: /protocol not supported$/ },
    );
  });

  it('waits for the monitor of a container that ended to let go of a port', async () => {
    const first = await world.prepare('ending', { publications: [publication({ containerPort: 80 })] });
    const port = portOf(first);
    await world.service.release('ending');
    const fixed = publication({ containerPort: 80, hostPortFirst: port, hostPortLast: port });
    const second = world.prepare('successor', { publications: [fixed] });
    setImmediate(() => world.end(first));
    assert.equal(portOf(await second), port);
  });

  it('gives the port back', async () => {
    const first = await world.prepare('again', { publications: [publication({ containerPort: 80 })] });
    const port = portOf(first);
    await world.service.release('again');
    world.end(first);
    const fixed = publication({ containerPort: 80, hostPortFirst: port, hostPortLast: port });
    const second = await world.prepare('again', { publications: [fixed] });
    assert.equal(portOf(second), port);
  });
});
