export { createDockerApi, type DockerApi } from './api.ts';
export type { ApiContext, ProductVersion } from './context.ts';
export type { Listener, ListenTarget, TlsMaterial } from './transport/listen.ts';
export { newestVersion, oldestVersion } from './version.ts';
