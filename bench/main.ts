/** Measures Corten beside Docker in one run, alternating, and writes docs/benchmarks.md. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../test/support/command.ts';
import { alternate, milliseconds, type Sample, summarize } from './measure.ts';
import { type Row, rows } from './rows.ts';
import { mustSucceed, type Side, startSides } from './sides.ts';
import { measureArchives, measureCrowd, measureRestart, measureStreams } from './special.ts';

const repository = join(import.meta.dirname, '..');
const quick = process.argv.includes('--quick');
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);

interface Line {
  readonly title: string;
  readonly docker: string;
  readonly corten: string;
  readonly ratio: string;
  readonly target: string;
}

const lines: Line[] = [];

function add(line: Line): void {
  lines.push(line);
  console.log(
    `${line.title}: Docker ${line.docker}, Corten ${line.corten}, ${line.ratio} (target ${line.target || 'none'})`,
  );
}

const show = (value: number, unit: string): string =>
  Number.isNaN(value) ? '-' : `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;

function addPair(
  title: string,
  unit: string,
  docker: number | undefined,
  corten: number,
  target: string,
  higherIsBetter = false,
): void {
  const factor = docker === undefined ? Number.NaN : higherIsBetter ? corten / docker : docker / corten;
  add({
    title,
    docker: docker === undefined ? '-' : show(docker, unit),
    corten: show(corten, unit),
    ratio: Number.isNaN(factor) ? '-' : `${factor.toFixed(1)}x`,
    target,
  });
}

async function measureFloor(): Promise<void> {
  const root = await mkdtemp('/tmp/corten-floor-root-');
  await mkdir(join(root, 'bin'));
  await copyFile('/bin/busybox', join(root, 'bin/true'));
  for (const [title, extra] of [
    ['with network and cgroups', []],
    ['without', ['bare']],
  ] as const) {
    const { stdout } = mustSucceed(
      await runCommand(join(repository, 'dist/bench/floor'), [root, '30', ...extra], {}),
      'floor',
    );
    const sample = summarize(
      stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => Number(line) / 1000),
    );
    add({
      title: `the kernel's own floor, ${title}`,
      docker: '-',
      corten: show(sample.median, 'ms'),
      ratio: '-',
      target: '',
    });
  }
  await rm(root, { recursive: true, force: true });
}

async function measureRow(row: Row, corten: Side, docker: Side | undefined): Promise<void> {
  const rounds = quick ? Math.min(3, row.rounds) : row.rounds;
  const ours = async (): Promise<number> => await row.measure(corten);
  const samples: { readonly corten: Sample; readonly docker?: Sample } =
    docker === undefined
      ? await alternate(rounds, { corten: ours })
      : await alternate(rounds, { docker: async () => await row.measure(docker), corten: ours });
  addPair(row.title, row.unit, samples.docker?.median, samples.corten.median, row.target, row.higherIsBetter);
}

async function measureSpecial(corten: Side, docker: Side | undefined): Promise<void> {
  const crowd = {
    corten: await measureCrowd(corten),
    docker: docker === undefined ? undefined : await measureCrowd(docker),
  };
  addPair('GET list of 31', 'ms', crowd.docker?.listMilliseconds, crowd.corten.listMilliseconds, '3 ms');
  addPair(
    'memory a container adds (PSS)',
    'MB',
    crowd.docker?.megabytesPerContainer,
    crowd.corten.megabytesPerContainer,
    '0.4 MB',
  );
  addPair('daemon, RSS', 'MB', crowd.docker?.daemonMegabytes, crowd.corten.daemonMegabytes, '90 MB');
  addPair('kill -9 with 30 containers to API back', 'ms', undefined, await measureRestart(), '500 ms');

  const ps = await alternate(quick ? 3 : 15, {
    node: async () =>
      await milliseconds(async () => await runCommand(join(repository, 'node_modules/node/bin/node'), ['-e', '0'], {})),
    corten: async () =>
      await milliseconds(
        async () =>
          await runCommand(join(repository, 'bin/corten'), ['-H', `unix://${corten.daemon.socket}`, 'ps'], {}),
      ),
  });
  add({
    title: '`corten ps`, the whole command (bare Node in the first column)',
    docker: show(ps.node.median, 'ms'),
    corten: show(ps.corten.median, 'ms'),
    ratio: '-',
    target: '45 ms',
  });

  const stream = join(repository, 'dist/bench/stream');
  const streams = {
    corten: await measureStreams(corten, stream, 18201),
    docker: docker === undefined ? undefined : await measureStreams(docker, stream, 18202),
  };
  for (const [key, title] of [
    ['direct', "to the container's address"],
    ['published', 'to a published port'],
    ['loopback', 'to a published port on 127.0.0.1'],
  ] as const) {
    const theirs = streams.docker?.[key];
    addPair(
      `one TCP stream ${title}`,
      'Gbit/s',
      theirs === undefined ? undefined : theirs / 1000,
      streams.corten[key] / 1000,
      'as Docker',
      true,
    );
  }

  const rootTar = '/tmp/corten-bench-debian.tar';
  if (!existsSync(rootTar) && !quick) {
    mustSucceed(
      await runCommand('mmdebstrap', ['--variant=minbase', 'bookworm', rootTar], { timeoutMs: 300_000 }),
      'mmdebstrap',
    );
  }
  if (existsSync(rootTar)) {
    const archives = {
      corten: await measureArchives(corten, rootTar),
      docker: docker === undefined ? undefined : await measureArchives(docker, rootTar),
    };
    addPair('import of a Debian root', 's', archives.docker?.importSeconds, archives.corten.importSeconds, 'faster');
    addPair('save of it', 's', archives.docker?.saveSeconds, archives.corten.saveSeconds, 'faster');
    addPair('load of it', 's', archives.docker?.loadSeconds, archives.corten.loadSeconds, 'faster');
  }
}

function report(): string {
  const table = lines.map(
    (line) => `| ${line.title} | ${line.docker} | ${line.corten} | ${line.ratio} | ${line.target} |`,
  );
  return ['| what | Docker | Corten | ratio | target |', '| --- | --- | --- | --- | --- |', ...table, ''].join('\n');
}

const sides = await startSides();
const { corten, docker } = sides;
try {
  if (only === undefined) await measureFloor();
  for (const row of rows) if (only === undefined || row.title.includes(only)) await measureRow(row, corten, docker);
  if (only === undefined) await measureSpecial(corten, docker);
} finally {
  await sides.stop();
}
if (!quick && only === undefined) {
  const heading = `Measured on ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Linux ${release()}, ${new Date().toISOString().slice(0, 10)}. Medians; both sides alternate in one run, with the same client.`;
  await writeFile(
    join(repository, 'docs/benchmarks-table.md'),
    `<!-- Written by npm run bench. -->\n${heading}\n\n${report()}`,
  );
}
