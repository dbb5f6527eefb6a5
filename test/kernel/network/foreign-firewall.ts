/**
 * A program that plays through what other firewalls do, in a network namespace of its own in the part of the host: there it
 * may flush everything. Prints what happened as JSON.
 */
import { World, command, eventually } from './world.ts';

const hostAddress = '198.51.100.1';
const firewall = `table inet host-firewall {
  chain forward {
    type filter hook forward priority 10; policy drop;
    ct state established,related accept
    tcp dport 81 accept
  }
}`;

const publish = (containerPort: number) =>
  ({ protocol: 'tcp', containerPort, hostAddress: '', hostPortFirst: 0, hostPortLast: 0 }) as const;

command('ip', 'link', 'set', 'lo', 'up');
command('nft', firewall);
const world = new World();
await world.service.start();
const outside = world.outside('out', hostAddress, '198.51.100.2');
const container = await world.prepare('a', { publications: [publish(80), publish(81)] });
const ports =
  container.endpoint?.ports.filter((port) => port.hostAddress === '0.0.0.0').map((port) => port.hostPort) ?? [];
const [refused = 0, accepted = 0] = ports;
for (const port of [80, 81]) await world.serve(container.descriptor, 'tcp', '0.0.0.0', port);

const results = {
  warnings: [...world.warnings],
  refusedByHost: await world.ask(outside, 'tcp', hostAddress, refused, 1_000),
  acceptedByHost: await world.ask(outside, 'tcp', hostAddress, accepted),
  fromHost: await world.ask(undefined, 'tcp', '127.0.0.1', refused),
  foreignRulesKept: command('nft', 'list', 'table', 'inet', 'host-firewall').includes('tcp dport 81 accept'),
  afterFlush: '',
  left: [''],
};
command('nft', 'flush', 'ruleset');
await eventually('the table is back', () =>
  command('nft', 'list', 'tables').includes(`corten-${world.settings.instance}`),
);
results.afterFlush = await world.ask(outside, 'tcp', hostAddress, refused);
await world.close();
results.left = command('nft', 'list', 'ruleset')
  .split('\n')
  .filter((line) => line !== '');
process.stdout.write(JSON.stringify(results));
