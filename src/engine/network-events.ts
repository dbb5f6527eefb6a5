import type { EndpointRecord } from '../network/types.ts';
import type { EngineContext } from './context.ts';

function publishNetwork(
  { events, networks }: Pick<EngineContext, 'events' | 'networks'>,
  action: 'connect' | 'disconnect',
  containerId: string,
  { networkId, networkName }: EndpointRecord,
): void {
  const driver = networks.list().find(({ id }) => id === networkId)?.driver ?? 'bridge';
  events.publish({
    type: 'network',
    action,
    actor: { id: networkId, attributes: { container: containerId, name: networkName, type: driver } },
  });
}

export function publishConnect(
  context: Pick<EngineContext, 'events' | 'networks'>,
  containerId: string,
  endpoint: EndpointRecord,
): void {
  publishNetwork(context, 'connect', containerId, endpoint);
}

export function publishDisconnect(
  context: Pick<EngineContext, 'events' | 'networks'>,
  containerId: string,
  endpoint: EndpointRecord,
): void {
  publishNetwork(context, 'disconnect', containerId, endpoint);
}
