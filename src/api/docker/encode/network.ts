import type { Engine } from '../../../engine/types.ts';
import type { Network } from '../../../network/types.ts';

function containersOf(engine: Engine, network: Network): object {
  return Object.fromEntries(
    engine.networkContainers(network).map(({ container, endpoint }) => [
      container.id,
      {
        Name: container.name,
        EndpointID: endpoint.endpointId,
        MacAddress: endpoint.macAddress,
        IPv4Address: endpoint.address === '' ? '' : `${endpoint.address}/${endpoint.prefixLength}`,
        IPv6Address: '',
      },
    ]),
  );
}

/** A network as list (without) and inspect (with its containers) show it. */
export function networkResource(engine: Engine, network: Network, withContainers: boolean): object {
  const bridged = network.driver === 'bridge';
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: network.ipv6,
    IPAM: {
      Driver: 'default',
      Options: null,
      Config: bridged ? network.subnets.map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })) : [],
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: network.ingress,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: withContainers ? containersOf(engine, network) : {},
    Options: network.options,
    Labels: network.labels,
  };
}
