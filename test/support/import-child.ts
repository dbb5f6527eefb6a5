import { Database, silentLog } from '../../src/base/index.ts';
import { createImageStore } from '../../src/image/index.ts';

/* Imports its standard input into the data root that is its argument: to be killed in the middle. */

const [dataRoot = ''] = process.argv.slice(2);
const store = createImageStore({ database: new Database(`${dataRoot}/state.db`), dataRoot, log: silentLog });
await store.start();
process.stdout.write('started\n');
const report = ({ status }: { readonly status: string }): void => void process.stdout.write(`${status}\n`);
await store.import(process.stdin, { reference: 'killed', changes: [] }, report, AbortSignal.timeout(60_000));
process.stdout.write('imported\n');
