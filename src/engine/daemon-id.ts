import { randomUUID } from 'node:crypto';
import type { Database } from '../base/index.ts';

/** Names this daemon for good: made once for a data root. */
export function daemonId(database: Database): string {
  database.migrate('daemon', ['CREATE TABLE daemon (id TEXT PRIMARY KEY) WITHOUT ROWID']);
  const known = database.prepare('SELECT id FROM daemon').get()?.['id'];
  if (typeof known === 'string') return known;
  const id = randomUUID();
  database.prepare('INSERT INTO daemon (id) VALUES (?)').run(id);
  return id;
}
