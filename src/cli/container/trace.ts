import type { Client } from '../api/client.ts';
import { complain } from '../format/output.ts';
import { styleFor } from '../format/style.ts';

interface LaunchTrace {
  readonly phases: readonly {
    readonly name: string;
    readonly startMilliseconds: number;
    readonly durationMilliseconds: number;
  }[];
}

const width = 32;

/** Prints the phases of the container's last start on stderr, each with a bar where in the whole it was. */
export async function showTrace(client: Client, id: string): Promise<void> {
  let trace: LaunchTrace;
  try {
    trace = (await client.json('GET', `/corten/containers/${id}/trace`)) as LaunchTrace;
  } catch (error) {
    complain(`corten: no trace: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  const style = styleFor(process.stderr);
  const total = Math.max(0.001, ...trace.phases.map((phase) => phase.startMilliseconds + phase.durationMilliseconds));
  const longest = Math.max(0, ...trace.phases.map((phase) => phase.name.length));
  for (const phase of trace.phases) {
    const from = Math.min(width - 1, Math.floor((phase.startMilliseconds / total) * width));
    const length = Math.max(1, Math.round((phase.durationMilliseconds / total) * width));
    const drawn = `${' '.repeat(from)}${'█'.repeat(Math.min(length, width - from))}`.padEnd(width);
    complain(
      `${phase.name.padEnd(longest)}  ${phase.durationMilliseconds.toFixed(2).padStart(8)} ms  ${style.cyan(drawn.trimEnd())}`,
    );
  }
  complain(style.bold(`${'in all'.padEnd(longest)}  ${total.toFixed(2).padStart(8)} ms`));
}
