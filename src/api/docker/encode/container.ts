import type { Container, ContainerSize, ContainerState, Engine } from '../../../engine/types.ts';
import { containerConfig } from './container-config.ts';
import { endpointSettings, networkModeText } from './endpoint.ts';
import { hostConfig } from './host-config.ts';
import { mountPoint } from './mounts.ts';
import { portMap, portRows } from './ports.ts';
import { statusText } from './status-text.ts';

function state(current: ContainerState): object {
  const { status, health } = current;
  return {
    Status: status,
    // dockerd's overlapping truths: a paused container runs too, and so does one that is about to be restarted.
    Running: status === 'running' || status === 'paused' || status === 'restarting',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: current.oomKilled,
    Dead: status === 'dead',
    Pid: current.pid,
    ExitCode: current.exitCode,
    Error: current.error,
    StartedAt: current.startedAt,
    FinishedAt: current.finishedAt,
    ...(health === undefined
      ? {}
      : {
          Health: {
            Status: health.status,
            FailingStreak: health.failingStreak,
            Log: health.log.map((probe) => ({
              Start: probe.start,
              End: probe.end,
              ExitCode: probe.exitCode,
              Output: probe.output,
            })),
          },
        }),
  };
}

function networkSettings(engine: Engine, container: Container): object {
  const { endpoint } = container;
  const bridged = endpoint !== undefined && endpoint.networkName === 'bridge' ? endpoint : undefined;
  return {
    Bridge: '',
    SandboxID: endpoint === undefined ? '' : container.id,
    SandboxKey: container.state.pid === 0 ? '' : `/proc/${container.state.pid}/ns/net`,
    Ports: portMap(container),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridged?.endpointId ?? '',
    Gateway: bridged?.gateway ?? '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: bridged?.address ?? '',
    IPPrefixLen: bridged?.prefixLength ?? 0,
    IPv6Gateway: '',
    MacAddress: bridged?.macAddress ?? '',
    Networks: endpointSettings(engine, container),
  };
}

/** GET /containers/{id}/json */
export function containerInspect(engine: Engine, container: Container, size: ContainerSize | undefined): object {
  return {
    Id: container.id,
    Created: container.created,
    Path: container.effective.path,
    Args: container.effective.args,
    State: state(container.state),
    Image: container.imageId,
    ResolvConfPath: container.files.resolvConf,
    HostnamePath: container.files.hostname,
    HostsPath: container.files.hosts,
    LogPath: container.files.log,
    Name: `/${container.name}`,
    RestartCount: container.state.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: container.execIds.length === 0 ? null : container.execIds,
    HostConfig: hostConfig(container),
    // Where the layers are mounted is the runtime's own business: nothing is mounted on the host.
    GraphDriver: { Name: 'overlay2', Data: null },
    ...sizeFields(size),
    Mounts: container.mounts.map(mountPoint),
    Config: containerConfig(container),
    NetworkSettings: networkSettings(engine, container),
  };
}

function sizeFields(size: ContainerSize | undefined): object {
  return size === undefined ? {} : { SizeRw: size.writable, SizeRootFs: size.root };
}

/** path and arguments in one line, arguments with spaces in quotes, as `docker ps` shows it. */
function commandText(container: Container): string {
  const { path, args } = container.effective;
  return [path, ...args.map((argument) => (argument.includes(' ') ? `'${argument}'` : argument))].join(' ');
}

/** One entry of GET /containers/json. */
export function containerSummary(engine: Engine, container: Container, size: ContainerSize | undefined): object {
  const { annotations, networkMode } = container.configuration.host;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: container.configuration.image,
    ImageID: container.imageId,
    Command: commandText(container),
    Created: Math.floor(Date.parse(container.created) / 1000),
    Ports: portRows(container),
    ...sizeFields(size),
    Labels: container.effective.labels,
    State: container.state.status,
    Status: statusText(container.state),
    HostConfig: {
      NetworkMode: networkModeText(networkMode),
      ...(Object.keys(annotations).length === 0 ? {} : { Annotations: annotations }),
    },
    NetworkSettings: { Networks: endpointSettings(engine, container) },
    Mounts: container.mounts.map(mountPoint),
  };
}
