/**
 * The text of Corten's nftables table. One table holds everything, so that others' rules are never touched and ours go
 * with one command. Ports are elements of maps: publishing one is O(1), however many there are.
 */
export interface PortMapping {
  readonly protocol: string;
  /** IPv4; 0.0.0.0 is every address of the host. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerAddress: string;
  readonly containerPort: number;
}

export interface BridgedSubnet {
  readonly bridgeName: string;
  readonly subnet: string;
}

/** Names of the maps: for one address of the host, and for all of them. */
const addressMap = 'published';
const everywhereMap = 'published-everywhere';

const elements = (values: readonly string[]): string =>
  values.length === 0 ? '' : `; elements = { ${values.join(', ')} }`;

const isEverywhere = (mapping: PortMapping): boolean => mapping.hostAddress === '0.0.0.0';

const mapOf = (mapping: PortMapping): string => (isEverywhere(mapping) ? everywhereMap : addressMap);

function keyOf(mapping: PortMapping): string {
  const port = `${mapping.protocol} . ${mapping.hostPort}`;
  return isEverywhere(mapping) ? port : `${mapping.hostAddress} . ${port}`;
}

const elementOf = (mapping: PortMapping): string =>
  `${keyOf(mapping)} : ${mapping.containerAddress} . ${mapping.containerPort}`;

/** Replaces the whole table in one transaction; the two first lines make "delete" succeed whether it exists or not. */
export function tableScript(
  table: string,
  networks: readonly BridgedSubnet[],
  mappings: readonly PortMapping[],
): string {
  const bridges = networks.map((network) => `"${network.bridgeName}"`);
  const destination = `dnat ip to ip daddr . meta l4proto . th dport map @${addressMap}
    fib daddr type local dnat ip to meta l4proto . th dport map @${everywhereMap}`;
  return `add table ip ${table}
delete table ip ${table}
table ip ${table} {
  set bridges { type ifname${elements(bridges)}; }
  set same-bridge { type ifname . ifname${elements(bridges.map((bridge) => `${bridge} . ${bridge}`))}; }
  set subnets { type ipv4_addr; flags interval${elements(networks.map((network) => network.subnet))}; }
  map ${addressMap} {
    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service${elements(
      mappings.filter((mapping) => !isEverywhere(mapping)).map(elementOf),
    )};
  }
  map ${everywhereMap} {
    type inet_proto . inet_service : ipv4_addr . inet_service${elements(mappings.filter(isEverywhere).map(elementOf))};
  }
  chain loopback-guard {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop comment "route_localnet must not open the host's loopback to containers"
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 return comment "ports published on loopback are not for neighbours"
    ${destination}
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ${destination}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname @bridges ip saddr 127.0.0.0/8 masquerade comment "host to published port by loopback"
    oifname @bridges ip saddr @subnets ct status dnat masquerade comment "container to published port"
    oifname != @bridges ip saddr @subnets masquerade comment "container to outside"
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    oifname @bridges jump to-container
  }
  chain to-container {
    ct state established,related accept
    ct status dnat accept comment "published port"
    iifname . oifname @same-bridge accept
    drop
  }
}
`;
}

export function addMappingsScript(table: string, mappings: readonly PortMapping[]): string {
  return mappings.map((mapping) => `add element ip ${table} ${mapOf(mapping)} { ${elementOf(mapping)} }\n`).join('');
}

export function deleteMappingsScript(table: string, mappings: readonly PortMapping[]): string {
  return mappings.map((mapping) => `delete element ip ${table} ${mapOf(mapping)} { ${keyOf(mapping)} }\n`).join('');
}

export function describeMapping(table: string, mapping: PortMapping): string {
  return `element ip ${table} ${mapOf(mapping)} { ${elementOf(mapping)} }`;
}
