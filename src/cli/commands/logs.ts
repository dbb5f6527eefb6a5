import type { ContainerInspect } from '../api/model.ts';
import { FrameSplitter } from '../api/frames.ts';
import { boolean, type Command, text } from '../command.ts';
import { writeAll } from '../format/output.ts';
import { parseMoment } from '../values/quantities.ts';

export const command: Command = {
  usage: '[OPTIONS] CONTAINER',
  minimum: 1,
  maximum: 1,
  operand: 'container',
  flags: [
    boolean('follow', 'Go on as more is written', { short: 'f' }),
    text('tail', 'lines', 'Only so many lines from the end', { short: 'n' }),
    boolean('timestamps', 'When each line was written', { short: 't' }),
    text('since', 'time', 'Only what was written since (a date, or 10m ago)'),
    text('until', 'time', 'Only what was written before'),
    boolean('details', 'Labels and variables that the log driver adds'),
  ],
  async run({ client, flags, operands }) {
    const name = encodeURIComponent(operands[0] ?? '');
    const moment = (flag: string): string | undefined => {
      const value = flags.text(flag);
      return value === undefined ? undefined : parseMoment(value);
    };
    const query = {
      stdout: true,
      stderr: true,
      follow: flags.boolean('follow'),
      timestamps: flags.boolean('timestamps'),
      details: flags.boolean('details'),
      tail: flags.text('tail') ?? 'all',
      since: moment('since'),
      until: moment('until'),
    };
    const container = (await client.json('GET', `/containers/${name}/json`)) as ContainerInspect;
    const answer = await client.stream('GET', `/containers/${container.Id}/logs`, { query });
    const splitter = new FrameSplitter(writeAll);
    for await (const chunk of answer) {
      if (container.Config.Tty) writeAll(1, chunk as Uint8Array);
      else splitter.push(chunk as Uint8Array);
    }
    return 0;
  },
};
