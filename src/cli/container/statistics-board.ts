import { setInterval } from 'node:timers/promises';
import type { Client } from '../api/client.ts';
import { jsonObjects } from '../api/json-stream.ts';
import { CommandFailure } from '../failure.ts';
import { print } from '../format/output.ts';
import type { StatisticsRow, StatisticsSample } from './statistics.ts';

/** Between two drawings, in milliseconds. */
const period = 500;

interface Watched {
  readonly row: { container: string; sample: StatisticsSample | undefined };
  readonly abort: AbortController;
}

/** Follows the statistics of several containers and draws them again and again, until stopped by a signal. */
export class StatisticsBoard {
  readonly #client: Client;
  readonly #render: (rows: readonly StatisticsRow[]) => string;
  readonly #watched = new Map<string, Watched>();
  #failure: CommandFailure | undefined;

  constructor(client: Client, render: (rows: readonly StatisticsRow[]) => string) {
    this.#client = client;
    this.#render = render;
  }

  #watch(container: string): void {
    if (this.#watched.has(container)) return;
    const abort = new AbortController();
    const watched: Watched = { row: { container, sample: undefined }, abort };
    this.#watched.set(container, watched);
    const forget = (error?: unknown): void => {
      this.#watched.delete(container);
      if (error instanceof CommandFailure && !abort.signal.aborted) this.#failure = error;
    };
    this.#follow(watched).then(() => forget(), forget);
  }

  async #follow({ row, abort }: Watched): Promise<void> {
    const path = `/containers/${encodeURIComponent(row.container)}/stats`;
    const answer = await this.#client.stream('GET', path, { query: { stream: true }, signal: abort.signal });
    for await (const sample of jsonObjects(answer)) row.sample = sample as StatisticsSample;
  }

  /** Containers that start and stop meanwhile come and go, when all are shown. */
  async #followStarts(): Promise<void> {
    const filters = JSON.stringify({ type: ['container'], event: ['start', 'die', 'destroy'] });
    const answer = await this.#client.stream('GET', '/events', { query: { filters } });
    for await (const event of jsonObjects(answer)) {
      const { Action, Actor } = event as { readonly Action: string; readonly Actor: { readonly ID: string } };
      if (Action === 'start') this.#watch(Actor.ID);
      else {
        this.#watched.get(Actor.ID)?.abort.abort();
        this.#watched.delete(Actor.ID);
      }
    }
  }

  async run(containers: readonly string[], everything: boolean): Promise<number> {
    for (const container of containers) this.#watch(container);
    if (everything) {
      this.#followStarts().catch((error: unknown) => {
        if (error instanceof CommandFailure) this.#failure = error;
      });
    }
    const terminal = process.stdout.isTTY;
    for await (const _ of setInterval(period)) {
      if (this.#failure !== undefined) throw this.#failure;
      if (!everything && this.#watched.size === 0) return 0;
      const text = this.#render([...this.#watched.values()].map((one) => one.row));
      // Each line is cleared to its end and then the rest of the screen, so that nothing flickers.
      print(terminal ? `\u001b[H${text.replace(/\n/g, '\u001b[K\n')}\u001b[J` : text);
    }
    return 0;
  }
}
