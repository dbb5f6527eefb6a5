import { jsonObjects } from '../api/json-stream.ts';
import { type Command, list, text } from '../command.ts';
import { printLine } from '../format/output.ts';
import { localTimestamp } from '../format/units.ts';
import { Template } from '../template/evaluate.ts';
import { goJson } from '../template/go-value.ts';
import { parseFilters } from '../values/filters.ts';
import { parseMoment } from '../values/quantities.ts';

interface EventMessage {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> | null };
  readonly scope?: string;
  readonly time: number;
  readonly timeNano?: number;
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
}

/** Numbers beyond 2^53 lose their last digits in JSON.parse; microseconds are what remains of timeNano, so they are kept. */
function nanoseconds(event: EventMessage): bigint {
  return event.timeNano === undefined ? BigInt(event.time) * 1_000_000_000n : BigInt(event.timeNano);
}

function line(event: EventMessage): string {
  const attributes = Object.entries(event.Actor.Attributes ?? {})
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
  const subject = `${event.Type} ${event.Action} ${event.Actor.ID}`;
  return `${localTimestamp(nanoseconds(event))} ${subject}${attributes === '' ? '' : ` (${attributes})`}`;
}

/** Names of Go's struct, which templates use, beside those of the JSON. */
function templateView(event: EventMessage): Record<string, unknown> {
  return {
    ...event,
    Scope: event.scope ?? '',
    Time: event.time,
    TimeNano: event.timeNano ?? 0,
    Status: event.status ?? '',
    ID: event.id ?? event.Actor.ID,
    From: event.from ?? '',
    Actor: { ...event.Actor, Attributes: event.Actor.Attributes ?? {} },
  };
}

export const command: Command = {
  usage: '[OPTIONS]',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [
    list('filter', 'name=value', 'Only those that match', { short: 'f' }),
    text('format', 'template', 'json or a Go template'),
    text('since', 'time', 'Past ones since then too (a date, or 10m ago)'),
    text('until', 'time', 'Stop then'),
  ],
  async run({ client, flags }) {
    const moment = (flag: string): string | undefined => {
      const value = flags.text(flag);
      return value === undefined ? undefined : parseMoment(value);
    };
    const query = { since: moment('since'), until: moment('until'), filters: parseFilters(flags.list('filter')) };
    const format = flags.text('format');
    const template =
      format === undefined || format === '' || format === 'json'
        ? undefined
        : new Template(format, (_object, name, trail) => {
            if (trail.at(-2) === 'Attributes') return undefined;
            throw new Error(`no field ${name}`);
          });
    const answer = await client.stream('GET', '/events', { query });
    for await (const object of jsonObjects(answer)) {
      const event = object as EventMessage;
      if (format === 'json') printLine(goJson(event));
      else printLine(template === undefined ? line(event) : template.render(templateView(event)));
    }
    return 0;
  },
};
