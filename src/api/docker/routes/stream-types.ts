import type { ApiVersion } from '../version.ts';

/** Content type of output: raw bytes of a terminal, or frames, which have a type of their own since 1.42. */
export function outputType(terminal: boolean, version: ApiVersion): string {
  return terminal || version < 42 ? 'application/vnd.docker.raw-stream' : 'application/vnd.docker.multiplexed-stream';
}
