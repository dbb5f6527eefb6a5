import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { CortenError } from '../../../src/base/index.ts';
import { type ProcessTable, parsePs, topContainer } from '../../../src/engine/top.ts';
import { clockTime, topColumns } from '../../../src/engine/top-columns.ts';

/** Two processes that do nothing: one with odd arguments. */
const children = [
  spawn('sleep', ['1000'], { stdio: 'ignore' }),
  spawn('sh', ['-c', 'echo; read x', 'a  b', 'c\td'], { stdio: ['pipe', 'pipe', 'ignore'] }),
];
const pids = children.map(({ pid }) => pid ?? 0);

before(async () => {
  const output = children[1]?.stdout;
  if (output != null) await once(output, 'data');
});

after(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** Debian's minimal installation has no procps. */
const skip = spawnSync('ps', ['--version']).status === 0 ? false : 'ps is not installed';

const ascending = (one: number, other: number): number => one - other;
/** Columns that may change between two looks. */
const changing = new Set(['C', '%CPU', 'TIME', 'START', 'STIME', 'RSS', 'VSZ', '%MEM']);

const fails = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CortenError);
  assert.equal(error.code, 'invalid-ps-arguments');
  assert.match(error.message, message);
  return true;
};

describe('top', { timeout: 30_000 }, () => {
  for (const psArguments of [
    '-ef',
    'aux',
    '-eo pid,ppid,user,stat,tty,nlwp,ni,args',
    '-o pid,comm -o time',
    '-o pgid,sid,pid,s,gid,cmd',
  ]) {
    it(`says what ps ${psArguments} says`, { skip }, async () => {
      const ours = await topContainer(pids, psArguments);
      const output = execFileSync('ps', [...psArguments.split(' '), `-q${pids.join(',')}`], { encoding: 'utf8' });
      const theirs = parsePs(output, new Set(pids));
      // Blanks inside of arguments are lost where ps output is split, and what changes with time is only compared in form.
      const normal = ({ titles, processes }: ProcessTable) =>
        processes
          .map((row) =>
            row.map((field, index) =>
              changing.has(titles[index] ?? '') ? field.replaceAll(/\d+/g, '0') : field.replaceAll(/\s+/g, ' '),
            ),
          )
          .toSorted((one, other) => Number(one[1]) - Number(other[1]) || Number(one[0]) - Number(other[0]));
      assert.deepEqual(ours.titles, theirs.titles);
      assert.deepEqual(normal(ours), normal(theirs));
    });
  }

  it('asks ps for what it does not know itself', { skip }, async () => {
    assert.equal(topColumns('-o pid,wchan:20'), undefined);
    const table = await topContainer(pids, '-o pid,psr,ppid');
    assert.deepEqual(table.titles, ['PID', 'PSR', 'PPID']);
    assert.deepEqual(table.processes.map(([pid]) => Number(pid)).toSorted(ascending), pids.toSorted(ascending));
    const selected = await topContainer(pids, '-e -l');
    assert.equal(selected.processes.length, 2);
  });

  it('leaves out what has ended', async () => {
    assert.deepEqual((await topContainer([2 ** 22 + 1], '-ef')).processes, []);
  });

  it('refuses arguments without a PID or that ps refuses', { skip }, async () => {
    await assert.rejects(topContainer(pids, '-o comm'), fails(/^Couldn't find PID field in ps output$/));
    await assert.rejects(topContainer(pids, '-o psr'), fails(/^Couldn't find PID field in ps output$/));
    await assert.rejects(topContainer(pids, '--no-such-option'), fails(/^error running ps: ./));
  });

  it('prints times as ps does', () => {
    assert.equal(clockTime(0), '00:00:00');
    assert.equal(clockTime(3 * 3600 + 62), '03:01:02');
    assert.equal(clockTime(2 * 86_400 + 1), '02-00:00:01');
  });
});
