import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Database, silentLog } from '../../../src/base/index.ts';
import { NetworkStore } from '../../../src/network/store.ts';
import type { EndpointRecord } from '../../../src/network/types.ts';

const endpoint: EndpointRecord = {
  endpointId: 'e'.repeat(64),
  networkId: 'n'.repeat(64),
  networkName: 'bridge',
  macAddress: '02:42:ac:11:00:02',
  address: '172.17.0.2',
  prefixLength: 16,
  gateway: '172.17.0.1',
  hostInterface: 'veabcde01234567',
  ports: [{ protocol: 'tcp', containerPort: 80, hostAddress: '0.0.0.0', hostPort: 8080 }],
};

describe('the store of endpoints', () => {
  const directory = mkdtempSync(join(tmpdir(), 'corten-network-store-'));
  const path = join(directory, 'state.db');

  after(() => {
    rmSync(directory, { recursive: true });
  });

  it('gives back what was put, also to another connection that opens the file meanwhile', () => {
    const database = new Database(path);
    new NetworkStore(database, silentLog).putEndpoint('a', endpoint);
    const second = new Database(path);
    assert.deepEqual([...new NetworkStore(second, silentLog).endpoints()], [['a', endpoint]]);
    new NetworkStore(second, silentLog).removeEndpoint('a');
    assert.equal(new NetworkStore(database, silentLog).endpoints().size, 0);
    database.close();
    second.close();
  });

  it('takes part in an outer transaction, and leaves full durability on for the others', () => {
    const database = new Database(path);
    const store = new NetworkStore(database, silentLog);
    assert.throws(() =>
      database.transaction(() => {
        store.putEndpoint('a', endpoint);
        throw new Error('rolled back');
      }),
    );
    assert.equal(store.endpoints().size, 0);
    store.putEndpoint('a', endpoint);
    assert.throws(() => store.putEndpoint('a', endpoint));
    assert.equal(database.prepare('PRAGMA synchronous').get()?.['synchronous'], 2);
    database.close();
  });

  it('drops what is damaged, and keeps the rest', () => {
    const database = new Database(':memory:');
    const store = new NetworkStore(database, silentLog);
    for (const id of ['a', 'b', 'c', 'd']) store.putEndpoint(id, endpoint);
    const damage = database.prepare('UPDATE network_endpoint SET body = ? WHERE container_id = ?');
    damage.run('{"address":', 'a');
    damage.run('null', 'b');
    damage.run('{"address":"172.17.0.2"}', 'c');
    assert.deepEqual([...store.endpoints()], [['d', endpoint]]);
    // Its container can be connected again.
    store.putEndpoint('a', endpoint);
    database.prepare("INSERT INTO network_network (id, name, body) VALUES ('1', 'bridge', 'nonsense')").run();
    assert.deepEqual(store.networks(), []);
    assert.equal(database.prepare('SELECT COUNT(*) AS rows FROM network_network').get()?.['rows'], 0);
    database.close();
  });
});
