import type { Container, Engine } from '../../../engine/types.ts';

/** "default" is stored as it was sent; answers name the network that it means, as dockerd since 26 does. */
export function networkModeText(networkMode: string): string {
  return networkMode === 'default' || networkMode === '' ? 'bridge' : networkMode;
}

export interface EndpointSettings {
  readonly IPAMConfig: null;
  readonly Links: null;
  readonly Aliases: null;
  readonly MacAddress: string;
  readonly DriverOpts: null;
  readonly GwPriority: number;
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly DNSNames: null;
}

const detached: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};

/** NetworkSettings.Networks: the container's network, with addresses while it has some. */
export function endpointSettings(engine: Engine, container: Container): Readonly<Record<string, EndpointSettings>> {
  const { endpoint } = container;
  if (endpoint !== undefined) {
    return {
      [endpoint.networkName]: {
        ...detached,
        MacAddress: endpoint.macAddress,
        NetworkID: endpoint.networkId,
        EndpointID: endpoint.endpointId,
        Gateway: endpoint.gateway,
        IPAddress: endpoint.address,
        IPPrefixLen: endpoint.prefixLength,
      },
    };
  }
  const name = networkModeText(container.configuration.host.networkMode);
  // A container that shares another's namespace is on no network of its own.
  if (name.startsWith('container:')) return {};
  const network = engine.networks.list().find((candidate) => candidate.name === name || candidate.id === name);
  // Of a container that was never started, dockerd knows the network by name only.
  return { [network?.name ?? name]: { ...detached, NetworkID: networkIdOf(container, network?.id) } };
}

function networkIdOf(container: Container, id: string | undefined): string {
  return container.state.status === 'created' ? '' : (id ?? '');
}
