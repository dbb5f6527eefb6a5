import type { CommandEntry, Flag, OperandKind } from '../command.ts';
import { groups } from '../groups.ts';

/** One way to call a command, with what the shells need to complete it. */
export interface CompletionEntry {
  readonly path: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly operand: OperandKind;
}

/** All commands with their flags, in the order of their names. Loads every command, which only this purpose does. */
export async function completionTable(commands: readonly CommandEntry[]): Promise<readonly CompletionEntry[]> {
  const entries = await Promise.all(
    commands.map(async ({ paths, summary, load }) => {
      const { command } = await load();
      const flags = command.flags.filter((flag) => flag.hidden !== true);
      return paths.map((path): CompletionEntry => ({ path, summary, flags, operand: command.operand }));
    }),
  );
  return entries.flat().toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

/** Words that may come first, and those that may come after a group's name. */
export function wordsAfter(entries: readonly CompletionEntry[], group: string): readonly (readonly [string, string])[] {
  if (group !== '') {
    return entries
      .filter((entry) => entry.path.startsWith(`${group} `))
      .map((entry) => [entry.path.slice(group.length + 1), entry.summary] as const);
  }
  return [
    ...entries.filter((entry) => !entry.path.includes(' ')).map((entry) => [entry.path, entry.summary] as const),
    ...Object.entries(groups),
  ];
}

/** Command that lists what an operand may name. */
export const listCommands: Readonly<Record<OperandKind, string>> = {
  container: "ps -a --format '{{.Names}}'",
  'running-container': "ps --format '{{.Names}}'",
  image: "images --format '{{.Repository}}:{{.Tag}}'",
  volume: 'volume ls -q',
  network: "network ls --format '{{.Name}}'",
  file: '',
  none: '',
};
