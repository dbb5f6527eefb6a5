/** Runs the examples of README.md and docs/guides: a guide that no longer works as written fails here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runCommand } from '../../support/command.ts';
import { startCortend, type TestDaemon } from '../../support/daemons.ts';

const repository = join(import.meta.dirname, '../../..');

interface Example {
  readonly line: number;
  readonly command: string;
  /** Lines that must be printed; "…" stands for anything within a line, a line of it alone for any lines. */
  readonly expected: readonly string[];
}

/** The `$ command` lines of the fenced `console` blocks, each with what follows it. */
function examplesOf(text: string): Example[] {
  const examples: Example[] = [];
  let inside = false;
  let current: { line: number; command: string; expected: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('```')) {
      inside = line === '```console';
      current = undefined;
    } else if (inside && line.startsWith('$ ')) {
      current = { line: index + 1, command: line.slice(2), expected: [] };
      examples.push(current);
    } else if (inside && current !== undefined && current.command.endsWith('\\')) {
      current.command = `${current.command.slice(0, -1)}${line.trim()}`;
    } else if (inside) {
      current?.expected.push(line);
    }
  }
  return examples;
}

function toPattern(expected: readonly string[]): RegExp {
  const lines = expected.map((line) => {
    if (line === '…') return '(?:.*\\n)*?';
    const escaped = line.trimEnd().replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
    return `${escaped.replaceAll(/ {2,}/g, ' +').replaceAll('…', '.*?')} *\\n`;
  });
  return new RegExp(`^${lines.join('')}$`);
}

const files = ['README.md', ...globSync('docs/guides/*.md', { cwd: repository })];

for (const file of files) {
  const examples = examplesOf(readFileSync(join(repository, file), 'utf8'));
  if (examples.length === 0) continue;
  describe(`examples of ${file}`, () => {
    let daemon: TestDaemon | undefined;
    let directory = '';
    before(async () => {
      directory = await mkdtemp('/tmp/ct-guide-');
      daemon = await startCortend();
      const environment = { CORTEN_HOST: `unix://${daemon.socket}` };
      const made = await runCommand(join(repository, 'bin/corten'), ['image', 'bootstrap', 'busybox'], {
        env: environment,
      });
      assert.equal(made.code, 0, made.stderr);
    });
    after(async () => {
      const ids = (await daemon?.docker(['ps', '-aq']))?.stdout.split('\n').filter(Boolean) ?? [];
      if (ids.length > 0) await daemon?.docker(['rm', '-fv', ...ids]);
      await daemon?.stop();
      await rm(directory, { recursive: true, force: true });
    });
    for (const example of examples) {
      it(`line ${example.line}: ${example.command}`, async () => {
        assert.ok(daemon !== undefined);
        const env = {
          PATH: `${join(repository, 'bin')}:${process.env['PATH'] ?? ''}`,
          CORTEN_HOST: `unix://${daemon.socket}`,
          DOCKER_HOST: `unix://${daemon.socket}`,
        };
        const result = await runCommand('sh', ['-c', `exec 2>&1; ${example.command}`], {
          env,
          cwd: directory,
          timeoutMs: 60_000,
        });
        if (example.expected.length > 0) assert.match(result.stdout, toPattern(example.expected));
        else assert.equal(result.code, 0, result.stdout);
      });
    }
  });
}
