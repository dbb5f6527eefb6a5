import { now } from '../../../base/index.ts';
import type { ApiContext } from '../context.ts';
import { newestVersion, oldestVersion, versionText } from '../version.ts';

/** GET /version */
export function versionAnswer({ engine, product }: ApiContext): object {
  const information = engine.information();
  const common = {
    ApiVersion: versionText(newestVersion),
    MinAPIVersion: versionText(oldestVersion),
    GitCommit: product.gitCommit,
    Os: 'linux',
    Arch: information.architecture === 'x86_64' ? 'amd64' : information.architecture,
    KernelVersion: information.kernelVersion,
    BuildTime: product.buildTime,
  };
  return {
    Platform: { Name: 'Corten' },
    Components: [
      {
        Name: 'Engine',
        Version: product.version,
        Details: { ...common, Experimental: 'false', GoVersion: `node${process.versions.node}` },
      },
    ],
    Version: product.version,
    ...common,
    // Clients print it; what runs us is Node.
    GoVersion: `node${process.versions.node}`,
  };
}

const noCommit = { ID: '' };

/** GET /info */
export function infoAnswer({ engine, product }: ApiContext): object {
  const information = engine.information();
  const controllers = new Set(information.cgroupControllers);
  const memory = controllers.has('memory');
  const cpu = controllers.has('cpu');
  return {
    ID: information.id,
    Containers: information.containers.total,
    ContainersRunning: information.containers.running,
    ContainersPaused: information.containers.paused,
    ContainersStopped: information.containers.stopped,
    Images: information.images,
    Driver: information.storageDriver,
    DriverStatus: [],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'null'],
      Authorization: null,
      Log: ['json-file', 'local', 'none'],
    },
    MemoryLimit: memory,
    SwapLimit: memory,
    CpuCfsPeriod: cpu,
    CpuCfsQuota: cpu,
    CPUShares: cpu,
    CPUSet: controllers.has('cpuset'),
    PidsLimit: controllers.has('pids'),
    OomKillDisable: memory && information.cgroupVersion === 1,
    IPv4Forwarding: true,
    Debug: information.debug,
    NFd: 0,
    NGoroutines: 0,
    SystemTime: now(),
    LoggingDriver: information.loggingDriver,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: String(information.cgroupVersion),
    NEventsListener: information.eventListeners,
    KernelVersion: information.kernelVersion,
    OperatingSystem: information.operatingSystem,
    OSVersion: '',
    OSType: 'linux',
    Architecture: information.architecture,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: { InsecureRegistryCIDRs: [], IndexConfigs: {}, Mirrors: [] },
    NCPU: information.cpus,
    MemTotal: information.memoryBytes,
    GenericResources: null,
    DockerRootDir: information.dataRoot,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: information.name,
    Labels: information.labels,
    ExperimentalBuild: false,
    ServerVersion: product.version,
    Runtimes: { corten: { path: 'corten' } },
    DefaultRuntime: 'corten',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'corten-init',
    ContainerdCommit: noCommit,
    RuncCommit: noCommit,
    InitCommit: noCommit,
    SecurityOptions: information.securityOptions,
    Warnings: information.warnings,
  };
}
