import { type Database, describeError, type Log } from '../base/index.ts';
import type { EndpointRecord, Network } from './types.ts';

const schema = [
  `CREATE TABLE network_network (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE network_endpoint (container_id TEXT PRIMARY KEY, network_id TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;`,
] as const;

const networkKeys = ['id', 'name', 'driver', 'created', 'subnets'] as const;
const endpointKeys = [
  'endpointId',
  'networkId',
  'address',
  'prefixLength',
  'gateway',
  'hostInterface',
  'ports',
] as const;

/**
 * Networks and endpoints, durable. An endpoint's row is written before the kernel is touched and removed after the kernel
 * was cleaned: a crash leaves a row too many, never a link or a rule without one. A reboot
 * takes links and rules away, so endpoints need not survive a power cut. Bodies are written by this class alone; one that
 * cannot be read any more is reported and dropped: it costs that network or endpoint, not the daemon.
 */
export class NetworkStore {
  readonly #database: Database;
  readonly #log: Log;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
    database.migrate('network', schema);
  }

  networks(): readonly Network[] {
    return this.#database
      .prepare('SELECT id, name, body FROM network_network')
      .all()
      .flatMap((row) => {
        const network = this.#parse<Network>(row['body'], networkKeys, `network ${String(row['name'])}`);
        if (network === undefined) this.#removeNetwork(String(row['id']));
        return network ?? [];
      });
  }

  putNetwork(network: Network): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO network_network (id, name, body) VALUES (?, ?, ?)')
      .run(network.id, network.name, JSON.stringify(network));
  }

  endpoints(): ReadonlyMap<string, EndpointRecord> {
    const rows = this.#database.prepare('SELECT container_id, body FROM network_endpoint').all();
    const endpoints = new Map<string, EndpointRecord>();
    for (const row of rows) {
      const containerId = String(row['container_id']);
      const endpoint = this.#parse<EndpointRecord>(
        row['body'],
        endpointKeys,
        `the endpoint of container ${containerId}`,
      );
      if (endpoint === undefined) this.removeEndpoint(containerId);
      else endpoints.set(containerId, endpoint);
    }
    return endpoints;
  }

  #parse<T extends object>(body: unknown, keys: readonly (keyof T & string)[], what: string): T | undefined {
    try {
      const value: unknown = JSON.parse(String(body));
      const missing = typeof value === 'object' && value !== null ? keys.find((key) => !(key in value)) : 'everything';
      if (missing === undefined) return value as T;
      throw new Error(`${missing} is missing`);
    } catch (error) {
      this.#log.error(
        { err: error },
        `the stored state of ${what} is damaged and was dropped: ${describeError(error)}`,
      );
      return undefined;
    }
  }

  #removeNetwork(id: string): void {
    this.#database.prepare('DELETE FROM network_network WHERE id = ?').run(id);
  }

  putEndpoint(containerId: string, endpoint: EndpointRecord): void {
    const statement = this.#database.prepare(
      'INSERT INTO network_endpoint (container_id, network_id, body) VALUES (?, ?, ?)',
    );
    this.#database.transactionUntilReboot(() =>
      statement.run(containerId, endpoint.networkId, JSON.stringify(endpoint)),
    );
  }

  removeEndpoint(containerId: string): void {
    const statement = this.#database.prepare('DELETE FROM network_endpoint WHERE container_id = ?');
    this.#database.transactionUntilReboot(() => statement.run(containerId));
  }
}
