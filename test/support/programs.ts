import { join } from 'node:path';
import { runCommand } from './command.ts';

/** Compiles test/support/NAME.c to a static program at `target`. */
export async function compileProgram(name: string, target: string): Promise<void> {
  const { code, stderr } = await runCommand(
    'gcc',
    ['-O2', '-Wall', '-static', '-o', target, join(import.meta.dirname, `${name}.c`)],
    {},
  );
  if (code !== 0) throw new Error(`gcc: ${stderr}`);
}
