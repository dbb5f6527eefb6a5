import { invalidArgument, notFound, now } from '../base/index.ts';
import type { BridgeSubnet } from './bridge-subnet.ts';
import { formatIpv4, formatSubnet } from './ipv4.ts';
import { randomId } from './names.ts';
import type { NetworkStore } from './store.ts';
import type { Network, NetworkSettings } from './types.ts';

const common = { internal: false, attachable: false, ingress: false, ipv6: false, labels: {} } as const;

/** The networks by name and id. bridge, host and none are made once; their ids stay for good. */
export class NetworkCatalog {
  readonly #store: NetworkStore;
  readonly #networks = new Map<string, Network>();

  constructor(store: NetworkStore) {
    this.#store = store;
    for (const network of store.networks()) this.#networks.set(network.name, network);
  }

  list(): readonly Network[] {
    return [...this.#networks.values()];
  }

  get(name: string): Network | undefined {
    return this.#networks.get(name);
  }

  /** By id, name or unique id prefix. @throws not-found `network-not-found`; invalid-argument `network-ambiguous` */
  resolve(reference: string): Network {
    const exact = this.list().find((network) => network.id === reference) ?? this.#networks.get(reference);
    if (exact !== undefined) return exact;
    const matches = reference === '' ? [] : this.list().filter((network) => network.id.startsWith(reference));
    const [match] = matches;
    if (match === undefined) throw notFound('network-not-found', `network ${reference} not found`);
    if (matches.length === 1) return match;
    throw invalidArgument(
      'network-ambiguous',
      `network ${reference} is ambiguous (${matches.length} matches found based on ID prefix)`,
    );
  }

  ensureNameless(): void {
    for (const [name, driver] of [
      ['host', 'host'],
      ['none', 'null'],
    ] as const) {
      if (this.#networks.has(name)) continue;
      this.#put({
        ...common,
        id: randomId(),
        name,
        driver,
        created: now(),
        bridgeName: undefined,
        subnets: [],
        options: {},
      });
    }
  }

  /** The default bridge with this subnet, and with the options that the Engine API shows for it. */
  ensureBridge(settings: Pick<NetworkSettings, 'bridgeName' | 'mtu'>, { gateway, subnet }: BridgeSubnet): Network {
    const before = this.#networks.get('bridge');
    const network: Network = {
      ...common,
      id: before?.id ?? randomId(),
      name: 'bridge',
      driver: 'bridge',
      created: before?.created ?? now(),
      bridgeName: settings.bridgeName,
      subnets: [{ subnet: formatSubnet(subnet), gateway: formatIpv4(gateway) }],
      options: {
        'com.docker.network.bridge.default_bridge': 'true',
        'com.docker.network.bridge.enable_icc': 'true',
        'com.docker.network.bridge.enable_ip_masquerade': 'true',
        'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
        'com.docker.network.bridge.name': settings.bridgeName,
        'com.docker.network.driver.mtu': String(settings.mtu),
      },
    };
    this.#put(network);
    return network;
  }

  #put(network: Network): void {
    this.#networks.set(network.name, network);
    this.#store.putNetwork(network);
  }
}
