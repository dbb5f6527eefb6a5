import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createNetworkNamespace, withNetworkNamespace } from '../../../src/kernel/namespace.ts';
import { readSysctl } from '../../../src/kernel/sysctl.ts';
import { linkPrefix } from '../../../src/network/names.ts';
import type { PreparedNamespace } from '../../../src/network/index.ts';
import { closeSync, readdirSync, readlinkSync } from 'node:fs';
import { command, eventually, World } from './world.ts';

const anyPort = { protocol: 'tcp', containerPort: 80, hostAddress: '', hostPortFirst: 0, hostPortLast: 0 } as const;

const portOf = (container: PreparedNamespace): number => container.endpoint?.ports[0]?.hostPort ?? 0;

describe('the network after trouble', () => {
  let world: World;
  const tableName = (): string => `corten-${world.settings.instance}`;
  const networkId = (): string => world.service.resolve('bridge').id;

  beforeEach(async () => {
    world = new World();
    await world.service.start();
  });

  afterEach(async () => {
    await world.close();
    assert.deepEqual(world.traces(), []);
  });

  it('makes the table again that somebody deleted, by itself', async () => {
    const container = await world.prepare('a', { publications: [anyPort] });
    await world.serve(container.descriptor, 'tcp', '0.0.0.0', 80);
    // What "nft flush ruleset" does to us, without doing it to the others on this machine.
    command('nft', 'delete', 'table', 'ip', tableName());
    await eventually('the table is back', () => command('nft', 'list', 'tables').includes(tableName()));
    assert.equal(await world.ask(undefined, 'tcp', '127.0.0.1', portOf(container)), container.endpoint?.gateway);
  });

  it('makes rules again that somebody flushed before the next container starts', async () => {
    const first = await world.prepare('a', { publications: [anyPort] });
    command('nft', 'flush', 'table', 'ip', tableName());
    const second = await world.prepare('b', { publications: [anyPort] });
    for (const container of [first, second]) {
      await world.serve(container.descriptor, 'tcp', '0.0.0.0', 80);
      assert.equal(await world.ask(undefined, 'tcp', '127.0.0.1', portOf(container)), container.endpoint?.gateway);
    }
  });

  it('does not touch its table when others change theirs', async () => {
    const handle = (): string =>
      command('nft', '-a', 'list', 'tables')
        .split('\n')
        .filter((line) => line.includes(tableName()))
        .join();
    const before = handle();
    command('nft', 'add', 'table', 'ip', `${tableName()}-other`);
    command('nft', 'delete', 'table', 'ip', `${tableName()}-other`);
    await world.prepare('a');
    assert.equal(handle(), before);
  });

  it('keeps running containers connected over a crash, and forgets the others', async () => {
    const kept = await world.prepare('kept', { publications: [anyPort] });
    await world.prepare('gone', { publications: [anyPort] });
    await world.serve(kept.descriptor, 'tcp', '0.0.0.0', 80);
    const crashed = world.service;
    const orphan = `${linkPrefix(world.settings.instance)}deadbeef`;
    command('ip', 'link', 'add', orphan, 'type', 'veth', 'peer', 'name', `p${process.pid}`);
    command('nft', 'delete', 'table', 'ip', tableName());
    const service = world.again();
    await service.start();
    await service.reconcile([{ containerId: 'kept', pid: world.hold(kept.descriptor) }]);
    assert.deepEqual(
      service.endpoints(networkId()).map(({ containerId, endpoint }) => ({ containerId, endpoint })),
      [{ containerId: 'kept', endpoint: kept.endpoint }],
    );
    assert.equal(await world.ask(undefined, 'tcp', '127.0.0.1', portOf(kept)), kept.endpoint?.gateway);
    assert.deepEqual(
      world.traces().filter((name) => name.startsWith(linkPrefix(world.settings.instance))),
      // ip(8) writes the other end's index behind it.
      world.traces().filter((name) => name.startsWith(kept.endpoint?.hostInterface ?? '?')),
    );
    assert.ok(!command('nft', 'list', 'table', 'ip', tableName()).includes('10.213.0.3'));
    const next = await world.prepare('next');
    assert.equal(next.address, '10.213.0.3');
    // The instance that "crashed" shares this process: let its timers and sockets go, without taking anything down.
    await crashed.stop();
  });

  it('leaves everything in place at a stop while a container runs, and nothing when none does', async () => {
    const container = await world.prepare('a', { publications: [anyPort] });
    await world.service.stop();
    assert.equal(world.traces().length, 3);
    await world.again().start();
    await assert.rejects(world.service.teardown(), { code: 'network-in-use' });
    await world.service.release('a');
    world.end(container);
    await world.service.teardown();
    assert.deepEqual(world.traces(), []);
    await world.service.start();
  });

  it('releases twice, and unknown containers, without an error', async () => {
    await world.prepare('a', { publications: [anyPort] });
    await world.service.release('a');
    await world.service.release('a');
    await world.service.release('never');
  });

  it('removes the link of a namespace that something keeps alive', async () => {
    const container = await world.prepare('a');
    await world.service.release('a');
    await eventually(
      'the link is gone',
      () => !command('ip', '-o', 'link').includes(container.endpoint?.hostInterface ?? ''),
    );
  });

  it('hands an address out again at once, and the old owner does not answer for it any more', async () => {
    const first = await world.prepare('a', { publications: [anyPort] });
    assert.equal(first.address, '10.213.0.2');
    await world.serve(first.descriptor, 'tcp', '0.0.0.0', 80);
    // Fills the host's and the bridge's address tables with the old owner.
    assert.equal(await world.ask(undefined, 'tcp', '10.213.0.2', 80), first.endpoint?.gateway);
    await world.service.release('a');
    const second = await world.prepare('a');
    assert.equal(second.address, '10.213.0.2');
    assert.equal(await world.ask(undefined, 'tcp', '10.213.0.2', 80), 'failed ECONNREFUSED');
    await world.serve(second.descriptor, 'tcp', '0.0.0.0', 80);
    assert.equal(await world.ask(undefined, 'tcp', '10.213.0.2', 80), second.endpoint?.gateway);
  });

  it('replaces a record that a killed daemon left for the same container', async () => {
    await world.prepare('a', { publications: [anyPort] });
    await world.prepare('a', { publications: [anyPort] });
    assert.equal(world.service.endpoints(networkId()).length, 1);
  });

  it('makes the bridge again that somebody deleted, with the containers that were on it', async () => {
    const first = await world.prepare('a');
    command('ip', 'link', 'delete', world.settings.bridgeName);
    const second = await world.prepare('b');
    const port = await world.serve(undefined, 'tcp', second.endpoint?.gateway ?? '', 0);
    for (const container of [first, second]) {
      const answer = await world.ask(container.descriptor, 'tcp', container.endpoint?.gateway ?? '', port);
      assert.equal(answer, container.address);
    }
  });

  it('makes the link of a running container again', async () => {
    const container = await world.prepare('a', { publications: [anyPort] });
    await world.serve(container.descriptor, 'tcp', '0.0.0.0', 80);
    command('ip', 'link', 'delete', container.endpoint?.hostInterface ?? '');
    await world.service.reconcile([{ containerId: 'a', pid: world.hold(container.descriptor) }]);
    assert.equal(await world.ask(undefined, 'tcp', '127.0.0.1', portOf(container)), container.endpoint?.gateway);
  });

  it('keeps no descriptor open, whether starts succeed or fail', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const cycle = async (): Promise<void> => {
      const container = await world.prepare('a', { publications: [anyPort] });
      const taken = { ...anyPort, hostPortFirst: portOf(container), hostPortLast: portOf(container) };
      await assert.rejects(world.prepare('b', { publications: [anyPort, taken] }), { code: 'port-in-use' });
      await world.service.explain('a', process.pid);
      await world.service.interfaceStatistics(process.pid);
      await world.service.release('a');
      world.end(container);
    };
    await world.service.stop();
    await world.service.start();
    await cycle();
    await world.service.stop();
    const before = open();
    await world.service.start();
    for (let round = 0; round < 20; round += 1) await cycle();
    await world.service.stop();
    assert.equal(open(), before);
    await world.service.start();
  });

  it('runs beside another daemon without meeting it', async () => {
    const other = new World();
    await other.service.start();
    const [here, there] = [await world.prepare('a', { publications: [anyPort] }), await other.prepare('a')];
    assert.notEqual(here.endpoint?.gateway, there.endpoint?.gateway);
    await other.service.reconcile([]);
    const taken = { ...anyPort, hostPortFirst: portOf(here), hostPortLast: portOf(here) };
    await assert.rejects(other.prepare('b', { publications: [taken] }), { code: 'port-in-use' });
    await world.serve(here.descriptor, 'tcp', '0.0.0.0', 80);
    assert.equal(await world.ask(undefined, 'tcp', '127.0.0.1', portOf(here)), here.endpoint?.gateway);
    await other.close();
    assert.deepEqual(other.traces(), []);
    assert.equal(await world.ask(undefined, 'tcp', '127.0.0.1', portOf(here)), here.endpoint?.gateway);
  });

  it('refuses the bridge of another daemon, and a link that is none', async () => {
    const thief = new World({ bridgeName: world.settings.bridgeName });
    await assert.rejects(thief.service.start(), { code: 'bridge-name-taken' });
    const loop = new World({ bridgeName: 'lo' });
    await assert.rejects(loop.service.start(), { code: 'bridge-name-taken' });
  });

  it('gives `none` nothing but a loopback', async () => {
    const container = await world.prepare('a', { network: 'none' });
    assert.equal(container.endpoint, undefined);
    const links = command(
      'nsenter',
      `--net=/proc/${process.pid}/fd/${container.descriptor}`,
      'ip',
      '-o',
      'link',
      'show',
      'up',
    );
    assert.match(links, /^\d+: lo: .*\n$/);
  });

  it("takes the MTU of the host's way out when none is given", async () => {
    const automatic = new World({ mtu: 0 });
    await automatic.service.start();
    const mtuOf = (output: string): string => / mtu (\d+) /.exec(output)?.[1] ?? '';
    const wayOut = / dev (\S+)/.exec(command('ip', 'route', 'show', 'default'))?.[1];
    const expected = wayOut === undefined ? '1500' : mtuOf(command('ip', 'link', 'show', wayOut));
    assert.equal(mtuOf(command('ip', 'link', 'show', automatic.settings.bridgeName)), expected);
    const { endpoint } = await automatic.prepare('a');
    assert.equal(mtuOf(command('ip', 'link', 'show', endpoint?.hostInterface ?? '')), expected);
    await automatic.close();
  });

  it('uses the address that --bip gives', async () => {
    const given = new World({ bridgeAddress: '10.214.7.9/26' });
    await given.service.start();
    const { endpoint } = await given.prepare('a');
    assert.deepEqual([endpoint?.gateway, endpoint?.address, endpoint?.prefixLength], ['10.214.7.9', '10.214.7.1', 26]);
    await given.close();
    await assert.rejects(new World({ bridgeAddress: '10.214.7.0/26' }).service.start(), {
      code: 'invalid-bridge-address',
    });
  });
});

describe('network namespaces', () => {
  it('are left again in the same turn, also after an error', () => {
    const own = readlinkSync('/proc/thread-self/ns/net');
    const descriptor = createNetworkNamespace();
    const inside = withNetworkNamespace(descriptor, () => readlinkSync('/proc/thread-self/ns/net'));
    assert.notEqual(inside, own);
    assert.throws(() => withNetworkNamespace(descriptor, () => readSysctl('no/such/parameter')), { code: 'ENOENT' });
    assert.equal(readlinkSync('/proc/thread-self/ns/net'), own);
    closeSync(descriptor);
  });
});
