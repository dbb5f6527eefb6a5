import type { Client } from './api/client.ts';
import type { FlagValues } from './flag-values.ts';

export type FlagKind = 'boolean' | 'text' | 'list';

export interface Flag {
  /** Long name without dashes. */
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  /** Shown in help in place of the value. */
  readonly placeholder?: string;
  readonly summary: string;
  /** Only for booleans that are on unless switched off (--sig-proxy=false). */
  readonly on?: boolean;
  readonly hidden?: boolean;
}

export const boolean = (name: string, summary: string, extra: Partial<Flag> = {}): Flag => ({
  name,
  kind: 'boolean',
  summary,
  ...extra,
});
export const text = (name: string, placeholder: string, summary: string, extra: Partial<Flag> = {}): Flag => ({
  name,
  kind: 'text',
  placeholder,
  summary,
  ...extra,
});
export const list = (name: string, placeholder: string, summary: string, extra: Partial<Flag> = {}): Flag => ({
  name,
  kind: 'list',
  placeholder,
  summary,
  ...extra,
});

/** What a command's operands name; the shells complete by it. */
export type OperandKind = 'container' | 'running-container' | 'image' | 'volume' | 'network' | 'file' | 'none';

/** What every command gets. */
export interface Invocation {
  readonly client: Client;
  readonly flags: FlagValues;
  readonly operands: readonly string[];
  /** The whole command line, which completion is made from. */
  readonly commands: readonly CommandEntry[];
  /** How it was called, without the program's name: "container ls". */
  readonly path: string;
}

export interface Command {
  /** What follows the name in the usage line. */
  readonly usage: string;
  readonly flags: readonly Flag[];
  readonly minimum: number;
  /** Most operands; undefined is without limit. */
  readonly maximum: number | undefined;
  readonly operand: OperandKind;
  /** Flags end at the first operand, as with `run IMAGE ls -l`. */
  readonly flagsFirst?: boolean;
  /** Exit status of failures that have none of their own (1); docker run has 125. */
  readonly failureExitCode?: number;
  readonly notes?: string;
  /** Resolves with the exit status. */
  run(invocation: Invocation): Promise<number>;
}

export interface CommandEntry {
  /** All ways to call it; the first is the one that help names: "ps", "container ls", "container list". */
  readonly paths: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}
