import type { Database } from '../base/index.ts';
import type { EndpointRecord, Network } from './types.ts';

const schema = [
  `CREATE TABLE network_network (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE network_endpoint (container_id TEXT PRIMARY KEY, network_id TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;`,
] as const;

/**
 * Networks and endpoints, durable. An endpoint's row is written before the kernel is touched and removed after the kernel
 * was cleaned: a crash leaves a row too many, never a link or a rule without one. A reboot
 * takes links and rules away, so endpoints need not survive a power cut. Bodies are written by this class alone.
 */
export class NetworkStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
    database.migrate('network', schema);
  }

  networks(): readonly Network[] {
    return this.#database
      .prepare('SELECT body FROM network_network')
      .all()
      .map((row) => JSON.parse(String(row['body'])) as Network);
  }

  putNetwork(network: Network): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO network_network (id, name, body) VALUES (?, ?, ?)')
      .run(network.id, network.name, JSON.stringify(network));
  }

  endpoints(): ReadonlyMap<string, EndpointRecord> {
    const rows = this.#database.prepare('SELECT container_id, body FROM network_endpoint').all();
    return new Map(rows.map((row) => [String(row['container_id']), JSON.parse(String(row['body'])) as EndpointRecord]));
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
