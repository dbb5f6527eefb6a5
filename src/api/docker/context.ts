import type { Log } from '../../base/index.ts';
import type { Engine } from '../../engine/types.ts';

/** What /version, /info and /_ping say about the program itself. */
export interface ProductVersion {
  /** "0.1.0" */
  readonly version: string;
  readonly gitCommit: string;
  /** RFC 3339 */
  readonly buildTime: string;
}

/** Everything a handler may use. */
export interface ApiContext {
  readonly engine: Engine;
  readonly log: Log;
  readonly product: ProductVersion;
  /** Whether every request is logged; it can change while the daemon runs (SIGHUP). */
  debug(): boolean;
}
