import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { hostPlan, makeWorkspace, run, type Workspace } from './container.ts';

interface Line {
  readonly log: string;
  readonly stream: string;
  readonly time: string;
}

const parse = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('the log that the monitor writes', { timeout: 120_000 }, () => {
  let workspace: Workspace;
  before(() => {
    workspace = makeWorkspace();
  });
  after(() => workspace.remove());

  async function logOf(script: string, log: NonNullable<Parameters<typeof hostPlan>[2]>['log']): Promise<string> {
    const plan = hostPlan(workspace, ['sh', '-c', script], { log: log ?? {} });
    assert.equal((await run(plan)).exitCode, 0);
    return plan.monitor.log.path;
  }

  test('json-file: the lines are byte for byte as Docker writes them', async () => {
    const script = String.raw`printf 'a<b>&"c"\\\t\001\r\n\303\244\377\342\200\250.\n'; sleep 0.01; printf oops >&2`;
    const path = await logOf(script, { driver: 'json-file' });
    const text = readFileSync(path, 'utf8');
    const time = String.raw`","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,8}[1-9]|\.[1-9])?Z"}`;
    const escape = (expected: string): string => expected.replaceAll(/[\\{}.<>&]/g, String.raw`\$&`);
    const expected = [
      String.raw`{"log":"a\u003cb\u003e\u0026\"c\"\\\u0009\u0001\r\n","stream":"stdout`,
      String.raw`{"log":"ä\ufffd\u2028.\n","stream":"stdout`,
      String.raw`{"log":"oops","stream":"stderr`,
    ];
    assert.match(text, new RegExp(`^${expected.map((line) => `${escape(line)}${time}\n`).join('')}$`));
  });

  test('json-file: a line over 16 KiB is cut into pieces, and one write may hold many lines', async () => {
    const path = await logOf(`head -c 40000 /dev/zero | busybox tr '\\000' x; echo; for i in 1 2 3; do echo $i; done`, {
      driver: 'json-file',
    });
    const lines = parse(readFileSync(path, 'utf8'));
    assert.deepEqual(
      lines.map(({ log }) => [log.length, log.endsWith('\n')]),
      [
        [16384, false],
        [16384, false],
        [40000 - 32768 + 1, true],
        [2, true],
        [2, true],
        [2, true],
      ],
    );
  });

  test('rotation: no line is lost or cut, and no more files than asked for are kept', async () => {
    const path = await logOf('i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done', {
      driver: 'json-file',
      maximumSize: 4000,
      maximumFiles: 3,
    });
    const names = [`${path}.2`, `${path}.1`, path];
    const lines = names.flatMap((name) => parse(readFileSync(name, 'utf8')));
    const numbers = lines.map(({ log }) => Number(log.slice(5)));
    assert.equal(numbers.at(-1), 299);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => 299 - (numbers.length - 1) + index),
    );
    assert.ok(numbers.length > 60);
    assert.ok(!existsSync(`${path}.3`));
    for (const name of names) assert.ok(statSync(name).size < 4200);
  });

  test('rotation with one file starts it anew', async () => {
    const path = await logOf('i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); done', {
      driver: 'json-file',
      maximumSize: 2000,
      maximumFiles: 1,
    });
    assert.equal(parse(readFileSync(path, 'utf8')).at(-1)?.log, 'line 99\n');
    assert.ok(statSync(path).size < 2200);
    assert.ok(!existsSync(`${path}.1`));
  });

  test('local: framed records that keep every byte', async () => {
    const path = await logOf(String.raw`printf 'a\377\n'; sleep 0.01; printf b >&2`, { driver: 'local' });
    const bytes = readFileSync(path);
    const records = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt32BE(at);
      records.push([bytes[at + 4], bytes[at + 5], bytes.subarray(at + 14, at + 14 + length).toString('latin1')]);
      const age = BigInt(Date.now()) * 1_000_000n - bytes.readBigUInt64BE(at + 6);
      assert.ok(age > -1_000_000_000n && age < 120_000_000_000n);
      at += 14 + length;
    }
    assert.deepEqual(records, [
      [1, 0, 'a\xff'],
      [2, 1, 'b'],
    ]);
  });

  test('a full file system loses lines, which are counted, not the process', async () => {
    const plan = hostPlan(workspace, ['sh', '-c', 'i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done; exit 6'], {
      log: { driver: 'json-file', path: '/dev/full' },
    });
    const result = await run(plan);
    assert.equal(result.exitCode, 6);
    const record: unknown = JSON.parse(readFileSync(plan.monitor.exitPath, 'utf8'));
    assert.ok(typeof record === 'object' && record !== null && 'logLinesLost' in record);
    assert.equal(record.logLinesLost, 2000);
    assert.equal(result.stdout.trimEnd().split('\n').length, 2000);
  });
});
