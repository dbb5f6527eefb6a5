import type { Command } from '../command.ts';
export const command: Command = {
  usage: '',
  minimum: 0,
  maximum: 0,
  operand: 'none',
  flags: [],
  run: () => Promise.resolve(0),
};
