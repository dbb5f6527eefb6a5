export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/** A wish: publish containerPort at hostAddress:hostPort. Ranges are expanded by the caller into candidates. */
export interface PortPublication {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  /** "" is every IPv4 and IPv6 address of the host. */
  readonly hostAddress: string;
  /** First and last acceptable host port; 0-0 lets the system choose from the ephemeral range. */
  readonly hostPortFirst: number;
  readonly hostPortLast: number;
}

/** What was bound for a publication. One row an address family: 0.0.0.0 and ::. */
export interface PublishedPort {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  readonly hostAddress: string;
  readonly hostPort: number;
}

export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: 'bridge' | 'host' | 'null';
  readonly created: string;
  readonly bridgeName: string | undefined;
  readonly subnets: readonly { readonly subnet: string; readonly gateway: string }[];
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ingress: boolean;
  readonly ipv6: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** What must be stored of a container's place in a network. Plain JSON; addresses without prefix length. */
export interface EndpointRecord {
  readonly endpointId: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly macAddress: string;
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly hostInterface: string;
  readonly ports: readonly PublishedPort[];
}

export interface AttachRequest {
  readonly containerId: string;
  /** For messages: Docker names the container in them. Its id when left out. */
  readonly containerName?: string;
  readonly network: string;
  readonly publications: readonly PortPublication[];
  readonly macAddress?: string;
}

/** A network namespace made ready for a container that is about to start. */
export interface PreparedNamespace {
  /** Open descriptor of the namespace; the caller closes it once the container's process lives in it. */
  readonly descriptor: number;
  readonly endpoint: EndpointRecord | undefined;
  /** Sockets that reserve the published ports: handed to the monitor, then closed by the caller. */
  readonly heldDescriptors: readonly number[];
  readonly relays: readonly { readonly listener: number; readonly address: string; readonly port: number }[];
}

export interface NetworkService {
  readonly name: string;
  /** Makes the bridge, the nftables table and sysctls; called again it repairs what is missing. */
  start(): Promise<void>;
  stop(): Promise<void>;
  list(): readonly Network[];
  /** By name, id or unique id prefix. Throws not-found `network-not-found`. */
  resolve(reference: string): Network;
  /** Endpoints on a network, by container. */
  endpoints(networkId: string): readonly { readonly containerId: string; readonly endpoint: EndpointRecord }[];
  /**
   * A new network namespace: `none` gets loopback only; a bridge gets a veth pair, an address, a default route and its
   * published ports. Conflicting ports are found before anything is made: conflict `port-in-use`.
   * Addresses and ports are recorded before the kernel is touched, so that they survive the daemon's death.
   */
  prepare(request: AttachRequest): Promise<PreparedNamespace>;
  /** Takes back rules, addresses and links of a container that ended. Never stops at the first error. Idempotent. */
  release(containerId: string): Promise<void>;
  /**
   * Stops, and makes sure that bridges and the nftables table are removed. The kernel's net.ipv4.ip_forward stays on.
   * @throws conflict `network-in-use` while a container is attached
   */
  teardown(): Promise<void>;
  /**
   * After a restart of the daemon: re-applies what these containers need (rules that someone flushed) and removes what
   * belongs to no container of the list.
   */
  reconcile(running: readonly { readonly containerId: string; readonly pid: number }[]): Promise<void>;
  /** Bytes and packets of the container's interface, read in its namespace: for statistics. */
  interfaceStatistics(pid: number): Promise<readonly InterfaceStatistics[]>;
  /** The nftables rules and map elements, links and routes that serve a container: for `explain`. */
  explain(containerId: string, pid: number): Promise<NetworkExplanation>;
  /** Host's resolv.conf as a container should see it (no loopback servers, configured --dns first). */
  resolverConfiguration(options: {
    readonly servers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  }): Promise<string>;
}

export interface InterfaceStatistics {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receivedErrors: number;
  readonly receivedDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sentErrors: number;
  readonly sentDropped: number;
}

export interface NetworkExplanation {
  readonly interfaces: readonly {
    readonly name: string;
    readonly hostPeer: string | undefined;
    readonly macAddress: string;
    readonly addresses: readonly string[];
    readonly mtu: number;
  }[];
  readonly routes: readonly {
    readonly destination: string;
    readonly gateway: string | undefined;
    readonly interface: string;
  }[];
  /** nftables elements and rules, one readable line each. */
  readonly rules: readonly string[];
}

export interface NetworkSettings {
  /** Prefix of link, bridge and table names, so that two daemons do not meet: derived from the data root. */
  readonly instance: string;
  readonly bridgeName: string;
  /** Address and prefix of the default bridge ("172.18.0.1/16"); undefined: first free one of the pools. */
  readonly bridgeAddress: string | undefined;
  readonly addressPools: readonly { readonly base: string; readonly size: number }[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** Of bridge and containers' links; 0 takes that of the link with the host's default route. */
  readonly mtu: number;
}
