export { hostsFile, type HostsFileContent } from './hosts-file.ts';
export { createNetworkService, type NetworkServiceOptions } from './service.ts';
export type * from './types.ts';
