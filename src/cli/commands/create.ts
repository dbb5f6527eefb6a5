import { terminalSize } from '../attach/resize.ts';
import type { Command } from '../command.ts';
import { createContainer } from '../container/create.ts';
import { createRequest } from '../container/create-request.ts';
import { containerFlags } from '../container/flags.ts';
import { printLine } from '../format/output.ts';

export const command: Command = {
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  minimum: 1,
  maximum: undefined,
  operand: 'image',
  flagsFirst: true,
  flags: containerFlags,
  async run({ client, flags, operands }) {
    const consoleSize = flags.boolean('tty') ? terminalSize() : undefined;
    const request = createRequest(flags, operands, { detached: false, consoleSize });
    printLine(await createContainer(client, flags, request));
    return 0;
  },
};
