import { parentPort, workerData } from 'node:worker_threads';
import { check, libc } from '../../src/kernel/libc.ts';

/* Exchanges two names in one step, for ever: the other half of tests of races. */

const renameat2 = libc.func('int renameat2(int fromfd, const char *from, int tofd, const char *to, uint flags)');
const exchange = 2;
const { first, second } = workerData as { readonly first: string; readonly second: string };

function round(): void {
  for (let count = 0; count < 500; count++) {
    check('renameat2', renameat2(-100, first, -100, second, exchange) as number, first);
  }
  setImmediate(round);
}

parentPort?.postMessage('ready');
round();
