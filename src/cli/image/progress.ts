import type { Readable } from 'node:stream';
import { jsonObjects } from '../api/json-stream.ts';
import type { ProgressMessage } from '../api/model.ts';
import { CommandFailure } from '../failure.ts';
import { writeAll } from '../format/output.ts';
import { humanSize } from '../format/units.ts';

const barWidth = 30;

export function bar(current: number, total: number, width = barWidth): string {
  const filled = total <= 0 ? 0 : Math.min(width, Math.round((current / total) * width));
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
}

function describe(message: ProgressMessage): string {
  const name = message.id === undefined ? '' : `${message.id}: `;
  const { current, total } = message.progressDetail ?? {};
  if (current === undefined) return `${name}${message.status ?? ''}`;
  if (total === undefined || total <= 0) return `${name}${message.status ?? ''} ${humanSize(current, 3)}`;
  return `${name}${message.status ?? ''} ${bar(current, total)} ${humanSize(current, 3)} / ${humanSize(total, 3)}`;
}

/** Lines that are redrawn in place, one for each id, with what has no id scrolling by above. */
class LiveLines {
  readonly #descriptor: 1 | 2;
  readonly #ids: string[] = [];

  constructor(descriptor: 1 | 2) {
    this.#descriptor = descriptor;
  }

  show(message: ProgressMessage): void {
    const columns = (this.#descriptor === 1 ? process.stdout : process.stderr).columns || 80;
    const line = Array.from(describe(message))
      .slice(0, columns - 1)
      .join('');
    if (message.id === undefined) {
      writeAll(this.#descriptor, `${line}\n`);
      this.#ids.length = 0;
      return;
    }
    const index = this.#ids.indexOf(message.id);
    if (index < 0) {
      this.#ids.push(message.id);
      writeAll(this.#descriptor, `${line}\n`);
      return;
    }
    const up = this.#ids.length - index;
    writeAll(this.#descriptor, `\u001b[${up}A\r\u001b[2K${line}\u001b[${up}B\r`);
  }
}

/**
 * Shows a stream of progress messages until it ends. On a terminal, bars that move; elsewhere, each status once and no
 * bars. An error in the stream is thrown. Resolves with the `aux` objects.
 */
export async function showProgress(
  stream: Readable,
  options: { readonly quiet: boolean; readonly descriptor: 1 | 2 },
): Promise<readonly unknown[]> {
  const { descriptor, quiet } = options;
  const terminal = (descriptor === 1 ? process.stdout : process.stderr).isTTY;
  const live = new LiveLines(descriptor);
  const auxiliary: unknown[] = [];
  for await (const object of jsonObjects(stream)) {
    const message = object as ProgressMessage;
    const error = message.errorDetail?.message ?? message.error;
    if (error !== undefined) throw new CommandFailure(error);
    if (message.aux !== undefined) auxiliary.push(message.aux);
    if (quiet) continue;
    if (message.stream !== undefined) writeAll(descriptor, message.stream);
    else if (message.status !== undefined) {
      if (terminal) live.show(message);
      else if (message.progressDetail?.current === undefined) writeAll(descriptor, `${describe(message)}\n`);
    }
  }
  return auxiliary;
}
