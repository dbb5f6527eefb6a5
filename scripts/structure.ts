/**
 * Checks the shape that ARCHITECTURE.md promises: imports go down the list of layers, a folder is entered by its
 * index.ts (or types.ts), FFI is loaded in src/kernel alone, there are no import cycles, and files stay small.
 */
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';

/** Top to bottom: a file may import from its own layer and those below. */
const layers = [
  'daemon',
  'web',
  'api/docker',
  'api/registry',
  'api/kube',
  'api/azure',
  'compose',
  'build',
  'cluster',
  'engine',
  'image',
  'network',
  'volume',
  'runtime',
  'kernel',
  'base',
] as const;

/** The command line stands apart: it talks to the daemon over the API and shares only the helpers. */
const cliMayImport: readonly string[] = ['cli', 'base'];

/** Files that are long for a reason: one table or one protocol. */
const longFiles: Readonly<Record<string, string>> = {};
const maximumLines = 500;

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

function layerOf(file: string): string {
  const parts = relative('src', file).split('/');
  const first = parts[0] ?? '';
  return first === 'api' ? `api/${parts[1] ?? ''}` : first;
}

function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  const pattern = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\s+from\s+)?'([^']+)'|import\('([^']+)'\)/gm;
  for (const match of text.matchAll(pattern)) {
    const specifier = match[2] ?? match[3] ?? '';
    const target = specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier;
    found.push({ target, typeOnly: match[1] !== undefined });
  }
  return found;
}

function checkImport(file: string, imported: Import): string | undefined {
  const from = layerOf(file);
  if (imported.target === 'koffi') return from === 'kernel' ? undefined : `${file}: only src/kernel loads FFI`;
  if (!imported.target.startsWith('src/')) return undefined;
  const to = layerOf(imported.target);
  if (from === to) return undefined;
  if (from === 'cli')
    return cliMayImport.includes(to) ? undefined : `${file}: the command line may not import ${imported.target}`;
  const fromLevel = layers.indexOf(from as (typeof layers)[number]);
  const toLevel = layers.indexOf(to as (typeof layers)[number]);
  if (fromLevel < 0 || toLevel < 0) return `${file}: ${fromLevel < 0 ? from : to} is not a layer`;
  // Types may point up between neighbours below the engine: a contract names the other's words, nothing is loaded.
  if (toLevel < fromLevel && !imported.typeOnly) return `${file}: imports upwards from ${imported.target}`;
  const base = imported.target.slice(imported.target.lastIndexOf('/') + 1);
  if (base !== 'index.ts' && base !== 'types.ts' && to !== 'kernel' && to !== 'base') {
    return `${file}: enters ${to} by ${imported.target} rather than by its index.ts`;
  }
  return undefined;
}

/** Depth-first search over runtime imports; returns the first cycle through `start`. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const problems: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      problems.push(`import cycle: ${[...trail.slice(trail.indexOf(file)), file].join(' -> ')}`);
      return;
    }
    state.set(file, 'open');
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    state.set(file, 'done');
  };
  for (const file of graph.keys()) visit(file, []);
  return problems;
}

const problems: string[] = [];
const graph = new Map<string, string[]>();
for await (const file of glob('src/**/*.ts')) {
  const text = readFileSync(file, 'utf8');
  const imports = importsOf(file, text);
  graph.set(
    file,
    imports.filter((one) => !one.typeOnly && one.target.startsWith('src/')).map((one) => one.target),
  );
  for (const imported of imports) {
    const problem = checkImport(file, imported);
    if (problem !== undefined) problems.push(problem);
  }
  const lines = text.split('\n').length;
  if (lines > maximumLines && longFiles[file] === undefined)
    problems.push(`${file}: ${lines} lines, more than ${maximumLines}`);
}
problems.push(...findCycles(graph));
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
