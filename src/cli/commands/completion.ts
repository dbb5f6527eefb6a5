import type { Command } from '../command.ts';
import { completionScript, shells } from '../completion/script.ts';
import { usageFailure } from '../failure.ts';
import { print } from '../format/output.ts';

export const command: Command = {
  usage: 'bash|zsh|fish',
  minimum: 1,
  maximum: 1,
  operand: 'none',
  flags: [],
  notes: 'For example: source <(corten completion bash)',
  async run({ operands, commands }) {
    const shell = shells.find((one) => one === operands[0]);
    if (shell === undefined)
      throw usageFailure(`no completion for "${operands[0] ?? ''}"`, `one of ${shells.join(', ')}`);
    print(await completionScript(shell, commands));
    return 0;
  },
};
