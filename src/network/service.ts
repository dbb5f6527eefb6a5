import { setTimeout as setTimeoutAsync } from 'node:timers/promises';
import {
  conflict,
  CortenError,
  type Database,
  describeError,
  internal,
  type Log,
  resourceExhausted,
} from '../base/index.ts';
import { hasErrno } from '../kernel/kernel-error.ts';
import { tryLockExisting } from '../kernel/lock.ts';
import { deleteLink, RouteNetlink } from '../kernel/route-netlink.ts';
import { readSysctl, writeSysctl } from '../kernel/sysctl.ts';
import { AddressAllocator } from './addresses.ts';
import { type BridgePlan, defaultMtu, ensureBridge, findLink } from './bridge.ts';
import { chooseBridgeSubnet } from './bridge-subnet.ts';
import { NetworkCatalog } from './catalog.ts';
import { DepartingLinks } from './departing-links.ts';
import { addressOf, connectEndpoint, mappingsOf, silenceLink, validateMacAddress } from './endpoint.ts';
import { explainNetwork, readInterfaceStatistics } from './explain.ts';
import { Firewall } from './firewall.ts';
import { formatIpv4, macAddressOf, parseCidr } from './ipv4.ts';
import { linkAlias, linkName, linkPrefix, randomId, tableName } from './names.ts';
import { closeFresh, type FreshNamespace, NamespacePool } from './namespace-pool.ts';
import { type PortReservation, releaseReservation, reservePorts } from './port-reservation.ts';
import { reattachLinks, restoreLinks } from './repair.ts';
import { ReleasedPorts } from './released-ports.ts';
import { containerResolverConfiguration, hostResolverConfiguration, type ResolverOptions } from './resolver.ts';
import { NetworkStore } from './store.ts';
import { forgetFlowsAfter, forgetFlowsBefore } from './udp-flows.ts';
import type {
  AttachRequest,
  EndpointRecord,
  InterfaceStatistics,
  Network,
  NetworkExplanation,
  NetworkService,
  NetworkSettings,
  PreparedNamespace,
} from './types.ts';

const poolSize = 4;
/** How often the table is looked after while nothing is started; a look takes 0.02 ms. */
const repairIntervalMilliseconds = 2_000;
const retryMilliseconds = 10;
/** A place that every daemon of the host has. */
const subnetLock = '/sys/class/net';
const subnetLockMilliseconds = 5_000;

export interface NetworkServiceOptions {
  readonly settings: NetworkSettings;
  readonly database: Database;
  readonly log: Log;
}

export function createNetworkService(options: NetworkServiceOptions): NetworkService {
  return new BridgeNetworkService(options);
}

/** What exists only while the service runs: open sockets, the bridge, the address book. */
interface Running {
  readonly host: RouteNetlink;
  readonly firewall: Firewall;
  readonly pool: NamespacePool;
  readonly departing: DepartingLinks;
  readonly allocator: AddressAllocator;
  readonly plan: BridgePlan;
  bridgeIndex: number;
  readonly timer: NodeJS.Timeout;
}

class BridgeNetworkService implements NetworkService {
  readonly name = 'network';
  readonly #settings: NetworkSettings;
  readonly #log: Log;
  readonly #store: NetworkStore;
  readonly #catalog: NetworkCatalog;
  /** By container. */
  readonly #endpoints: Map<string, EndpointRecord>;
  readonly #releasedPorts = new ReleasedPorts();
  #running: Running | undefined;

  constructor({ settings, database, log }: NetworkServiceOptions) {
    this.#settings = settings;
    this.#log = log;
    this.#store = new NetworkStore(database, log);
    this.#catalog = new NetworkCatalog(this.#store);
    this.#endpoints = new Map(this.#store.endpoints());
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) {
      this.#repairHost(this.#running);
      return;
    }
    const host = new RouteNetlink();
    const firewall = new Firewall(tableName(this.#settings.instance), this.#log, () => ({
      networks: this.#catalog
        .list()
        .flatMap(({ bridgeName, subnets }) =>
          bridgeName === undefined ? [] : subnets.map(({ subnet }) => ({ bridgeName, subnet })),
        ),
      mappings: [...this.#endpoints.values()].flatMap(mappingsOf),
    }));
    const unlock = await lockSubnets(this.#log);
    try {
      this.#running = this.#startOn(host, firewall);
    } catch (error) {
      firewall.close();
      host.close();
      throw error;
    } finally {
      unlock?.();
    }
  }

  #startOn(host: RouteNetlink, firewall: Firewall): Running {
    const plan = this.#planBridge(host);
    const bridgeIndex = ensureBridge(host, plan);
    ensureForwarding();
    reattachLinks(host, this.#endpoints.values(), { index: bridgeIndex, mtu: plan.mtu });
    firewall.apply();
    for (const chain of firewall.foreignForwardDrops()) {
      this.#log.warn(
        { chain },
        `the chain ${chain} drops forwarded packets by policy: containers reach nothing outside, and published ports are ` +
          'reached only from this host, until it accepts them; rules of Corten cannot overrule it',
      );
    }
    const allocator = new AddressAllocator(plan.subnet, [plan.gateway]);
    for (const endpoint of this.#endpoints.values()) allocator.take(addressOf(endpoint));
    const pool = new NamespacePool(poolSize, this.#log);
    pool.fill();
    const departing = new DepartingLinks(this.#log, (name) => findLink(host, name) !== undefined);
    const timer = setInterval(() => this.#lookAfterTable(firewall), repairIntervalMilliseconds).unref();
    return { host, firewall, pool, departing, allocator, plan, bridgeIndex, timer };
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    clearInterval(running.timer);
    running.pool.close();
    await running.departing.flush();
    try {
      // Containers go on, and need all of it; without any, nothing of ours stays on the host.
      if (this.#endpoints.size === 0) await removeAll(running);
    } finally {
      running.firewall.close();
      running.host.close();
    }
  }

  async teardown(): Promise<void> {
    if (this.#endpoints.size > 0) {
      throw conflict('network-in-use', `network bridge has active endpoints (${this.#endpoints.size})`);
    }
    await this.stop();
  }

  list(): readonly Network[] {
    return this.#catalog.list();
  }

  resolve(reference: string): Network {
    return this.#catalog.resolve(reference);
  }

  endpoints(networkId: string): readonly { readonly containerId: string; readonly endpoint: EndpointRecord }[] {
    return [...this.#endpoints]
      .filter(([, endpoint]) => endpoint.networkId === networkId)
      .map(([containerId, endpoint]) => ({ containerId, endpoint }));
  }

  async prepare(request: AttachRequest): Promise<PreparedNamespace> {
    const running = this.#require();
    // "default" is what clients send that do not care.
    const network = this.resolve(request.network === 'default' ? 'bridge' : request.network);
    if (network.driver === 'host') throw internal('host-network', 'the host network has no namespace of its own');
    if (network.driver === 'null') {
      const { descriptor, route } = running.pool.take();
      route.close();
      return { descriptor, endpoint: undefined, heldDescriptors: [], relays: [] };
    }
    if (request.macAddress !== undefined) validateMacAddress(request.macAddress);
    // A record of an earlier run that was never released, because the daemon was killed in between.
    if (this.#endpoints.has(request.containerId)) await this.release(request.containerId);
    running.firewall.repair();
    const reservation = await this.#reserve(request);
    try {
      const endpoint = this.#record(running, network, request, reservation);
      const descriptor = this.#connect(running, request.containerId, endpoint);
      return {
        descriptor,
        endpoint,
        heldDescriptors: reservation.held,
        relays: reservation.listeners.map(({ listener, containerPort }) => ({
          listener,
          address: endpoint.address,
          port: containerPort,
        })),
      };
    } catch (error) {
      releaseReservation(reservation);
      throw error;
    }
  }

  async release(containerId: string): Promise<void> {
    const running = this.#require();
    const endpoint = this.#endpoints.get(containerId);
    if (endpoint === undefined) return;
    const failures = this.#forget(running, containerId, endpoint);
    if (failures.length > 0) throw internal('network-release-failed', `releasing the network: ${failures.join('; ')}`);
  }

  async reconcile(containers: readonly { readonly containerId: string; readonly pid: number }[]): Promise<void> {
    const running = this.#require();
    const alive = new Set(containers.map((container) => container.containerId));
    const failures: string[] = [];
    for (const [containerId, endpoint] of [...this.#endpoints]) {
      if (!alive.has(containerId)) failures.push(...this.#forget(running, containerId, endpoint));
    }
    await running.departing.flush();
    failures.push(...(await this.#removeOrphans(running)));
    this.#repairHost(running);
    const attached = containers.flatMap(({ containerId, pid }) => {
      const endpoint = this.#endpoints.get(containerId);
      return endpoint === undefined ? [] : [{ pid, endpoint }];
    });
    restoreLinks(running.host, attached, bridgeOf(running), this.#log);
    if (failures.length > 0) throw internal('network-reconcile-failed', failures.join('; '));
  }

  async interfaceStatistics(pid: number): Promise<readonly InterfaceStatistics[]> {
    return readInterfaceStatistics(pid);
  }

  async explain(containerId: string, pid: number): Promise<NetworkExplanation> {
    const { host, firewall } = this.#require();
    const endpoint = this.#endpoints.get(containerId);
    const rules = endpoint === undefined ? [] : firewall.explain(mappingsOf(endpoint));
    return { ...explainNetwork(host, pid), rules };
  }

  async resolverConfiguration(wanted: ResolverOptions): Promise<string> {
    const { dns, dnsSearch, dnsOptions } = this.#settings;
    const settings = { servers: dns, search: dnsSearch, options: dnsOptions };
    return containerResolverConfiguration(await hostResolverConfiguration(), settings, wanted);
  }

  #require(): Running {
    if (this.#running === undefined) throw internal('network-not-started', 'the network service is not started');
    return this.#running;
  }

  #planBridge(host: RouteNetlink): BridgePlan {
    const recorded = this.#catalog.get('bridge')?.subnets[0];
    const before =
      recorded === undefined
        ? undefined
        : { gateway: addressOf({ address: recorded.gateway }), subnet: parseCidr(recorded.subnet).subnet };
    const inUse = [...this.#endpoints.values()].map(addressOf);
    const chosen = chooseBridgeSubnet(host, this.#settings, before, inUse, this.#log);
    const { bridgeName, instance } = this.#settings;
    const mtu = this.#settings.mtu === 0 ? defaultMtu(host) : this.#settings.mtu;
    this.#catalog.ensureBridge({ bridgeName, mtu }, chosen);
    this.#catalog.ensureNameless();
    return { name: bridgeName, ...chosen, mtu, alias: linkAlias(instance) };
  }

  #isAllocated(protocol: string, hostAddress: string, hostPort: number): boolean {
    const overlap = (one: string, other: string): boolean => one === other || one === '0.0.0.0' || other === '0.0.0.0';
    return [...this.#endpoints.values()].some((endpoint) =>
      endpoint.ports.some(
        (port) => port.protocol === protocol && port.hostPort === hostPort && overlap(port.hostAddress, hostAddress),
      ),
    );
  }

  /** Waits for a port only while the monitor of a container that ended may still hold it. */
  async #reserve(request: AttachRequest): Promise<PortReservation> {
    const { containerId, containerName = containerId, publications } = request;
    for (;;) {
      try {
        return reservePorts(publications, `${containerName} (${containerId})`, (protocol, hostAddress, hostPort) =>
          this.#isAllocated(protocol, hostAddress, hostPort),
        );
      } catch (error) {
        const inUse = error instanceof CortenError && error.code === 'port-in-use';
        if (!inUse || !this.#releasedPorts.mayFree(publications)) throw error;
        await setTimeoutAsync(retryMilliseconds);
      }
    }
  }

  /** Chooses the address and writes the record: from here on a crash leaves nothing that reconcile would not find. */
  #record(running: Running, network: Network, request: AttachRequest, reservation: PortReservation): EndpointRecord {
    const { plan, allocator } = running;
    const address = allocator.allocate();
    const endpointId = randomId();
    const endpoint: EndpointRecord = {
      endpointId,
      networkId: network.id,
      networkName: network.name,
      macAddress: request.macAddress?.toLowerCase() ?? macAddressOf(address),
      address: formatIpv4(address),
      prefixLength: plan.subnet.prefixLength,
      gateway: formatIpv4(plan.gateway),
      hostInterface: linkName(this.#settings.instance, endpointId),
      ports: reservation.ports,
    };
    try {
      this.#store.putEndpoint(request.containerId, endpoint);
    } catch (error) {
      allocator.release(address);
      throw error;
    }
    this.#endpoints.set(request.containerId, endpoint);
    this.#releasedPorts.remove(endpoint.ports);
    return endpoint;
  }

  /** A namespace with the endpoint in it; its descriptor. Undone as a whole when it fails. */
  #connect(running: Running, containerId: string, endpoint: EndpointRecord): number {
    let namespace: FreshNamespace | undefined;
    try {
      namespace = running.pool.take();
      this.#makeLinks(running, namespace, endpoint);
      // Rules after links: a port answers only when the container's end is there.
      running.firewall.add(mappingsOf(endpoint));
      forgetFlowsBefore(running.host, mappingsOf(endpoint), this.#log);
      namespace.route.close();
      return namespace.descriptor;
    } catch (error) {
      if (namespace !== undefined) closeFresh(namespace);
      const failures = this.#forget(running, containerId, endpoint);
      if (failures.length > 0)
        this.#log.error({ containerId, failures }, 'a failed network start was not fully undone');
      if (hasErrno(error, 'EXFULL')) {
        throw resourceExhausted('bridge-full', `the bridge ${running.plan.name} has no room for another container`, {
          cause: error,
          hint: 'Linux allows 1023 ports on a bridge',
        });
      }
      throw internal('network-connect-failed', `the container cannot be connected to network ${endpoint.networkName}`, {
        cause: error,
      });
    }
  }

  #makeLinks(running: Running, namespace: FreshNamespace, endpoint: EndpointRecord): void {
    const { host, plan } = running;
    try {
      connectEndpoint(host, namespace, endpoint, bridgeOf(running));
    } catch (error) {
      if (findLink(host, plan.name)?.index === running.bridgeIndex) throw error;
      this.#log.warn({ bridge: plan.name }, 'the bridge was removed by somebody else and has been made again');
      this.#repairHost(running);
      connectEndpoint(host, namespace, endpoint, bridgeOf(running));
    }
  }

  /** What all containers share, made again where somebody removed it. */
  #repairHost(running: Running): void {
    ensureForwarding();
    running.bridgeIndex = ensureBridge(running.host, running.plan);
    reattachLinks(running.host, this.#endpoints.values(), bridgeOf(running));
    running.firewall.repair();
  }

  /** Takes back rules, link, record and address; goes on after a failure and returns what failed. */
  #forget(running: Running, containerId: string, endpoint: EndpointRecord): readonly string[] {
    const failures: string[] = [];
    const attempt = (what: string, work: () => void): void => {
      try {
        work();
      } catch (error) {
        failures.push(`${what}: ${describeError(error)}`);
      }
    };
    this.#endpoints.delete(containerId);
    this.#releasedPorts.add(endpoint.ports);
    attempt('published ports', () => running.firewall.remove(mappingsOf(endpoint)));
    forgetFlowsAfter(mappingsOf(endpoint), this.#log);
    attempt('link', () => silenceLink(running.host, endpoint.hostInterface));
    running.departing.add(endpoint.hostInterface);
    attempt('record', () => this.#store.removeEndpoint(containerId));
    running.allocator.release(addressOf(endpoint));
    return failures;
  }

  /** Removes links with our prefix that no record speaks of. */
  async #removeOrphans(running: Running): Promise<readonly string[]> {
    const failures: string[] = [];
    const prefix = linkPrefix(this.#settings.instance);
    for (const link of running.host.links()) {
      if (!link.name.startsWith(prefix) || link.kind !== 'veth') continue;
      // Asked anew for each: a container may have been started since.
      if ([...this.#endpoints.values()].some((endpoint) => endpoint.hostInterface === link.name)) continue;
      try {
        await deleteLink(link.name);
        this.#log.info({ link: link.name }, 'removed a link that belongs to no container');
      } catch (error) {
        failures.push(`${link.name}: ${describeError(error)}`);
      }
    }
    return failures;
  }

  #lookAfterTable(firewall: Firewall): void {
    try {
      firewall.repair();
    } catch (error) {
      this.#log.error({ err: error }, `the nftables table cannot be checked: ${describeError(error)}`);
    }
  }
}

const bridgeOf = ({ bridgeIndex, plan }: Running): { index: number; mtu: number } => ({
  index: bridgeIndex,
  mtu: plan.mtu,
});

/**
 * Between the look at the host's routes and the bridge that takes a subnet, another daemon that starts must not look. After a
 * while it goes on without: a lock that somebody holds for good must not keep the network down.
 */
async function lockSubnets(log: Log): Promise<(() => void) | undefined> {
  for (let waited = 0; waited < subnetLockMilliseconds; waited += retryMilliseconds) {
    const unlock = tryLockExisting(subnetLock);
    if (unlock !== undefined) return unlock;
    await setTimeoutAsync(retryMilliseconds);
  }
  log.warn({ path: subnetLock }, 'another program holds the lock on the choice of a subnet; going on without it');
  return undefined;
}

/** Without it nothing passes between the bridge and other links. It is left on at the end: others may rely on it. */
function ensureForwarding(): void {
  if (readSysctl('net/ipv4/ip_forward') !== '1') writeSysctl('net/ipv4/ip_forward', '1');
}

async function removeAll({ firewall, host, plan }: Running): Promise<void> {
  firewall.removeTable();
  // An administrator's bridge that we were told to use has no alias of ours, and stays.
  if (findLink(host, plan.name)?.alias === plan.alias) await deleteLink(plan.name);
}
