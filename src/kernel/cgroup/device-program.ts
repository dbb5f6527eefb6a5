import { closeSync, constants, openSync } from 'node:fs';
import koffi from 'koffi';
import { check, libc } from '../libc.ts';
import type { DeviceRule } from './types.ts';

/**
 * Device access on cgroup v2 has no files: a BPF program of type CGROUP_DEVICE answers each mknod and open. The
 * program is the rule list written out as compares, last rule first, because the last that matches decides.
 */

/** Fields of struct bpf_insn. */
interface Instruction {
  readonly code: number;
  readonly destination: number;
  readonly source: number;
  readonly offset: number;
  readonly immediate: number;
}

// Instruction classes and operations of linux/bpf.h, already combined as this program needs them.
const loadWord = 0x61;
const moveImmediate32 = 0xb4;
const moveRegister32 = 0xbc;
const andImmediate32 = 0x54;
const shiftRightImmediate32 = 0x74;
const jumpUnlessEqual = 0x55;
const jumpUnlessRegistersEqual = 0x5d;
const exit = 0x95;

// What a register holds through the whole program.
const result = 0;
const context = 1;
const deviceType = 2;
const access = 3;
const major = 4;
const minor = 5;

const typeCodes = { b: 1, c: 2 } as const;
const accessCodes: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const allAccess = 7;

const instruction = (code: number, destination: number, source: number, offset: number, immediate: number) => ({
  code,
  destination,
  source,
  offset,
  immediate,
});

function prologue(): Instruction[] {
  return [
    // struct bpf_cgroup_dev_ctx: u32 access_type (access << 16 | type), u32 major, u32 minor
    instruction(loadWord, deviceType, context, 0, 0),
    instruction(andImmediate32, deviceType, 0, 0, 0xffff),
    instruction(loadWord, access, context, 0, 0),
    instruction(shiftRightImmediate32, access, 0, 0, 16),
    instruction(loadWord, major, context, 4, 0),
    instruction(loadWord, minor, context, 8, 0),
  ];
}

function ruleInstructions(rule: DeviceRule): Instruction[] {
  const wanted = (rule.access ?? 'rwm').split('').reduce((mask, letter) => mask | (accessCodes[letter] ?? 0), 0);
  const tests: Instruction[] = [];
  if (rule.type === 'b' || rule.type === 'c') {
    tests.push(instruction(jumpUnlessEqual, deviceType, 0, 0, typeCodes[rule.type]));
  }
  if (wanted !== allAccess) {
    // The rule covers the request when no requested bit is outside the rule's.
    tests.push(instruction(moveRegister32, context, access, 0, 0));
    tests.push(instruction(andImmediate32, context, 0, 0, wanted));
    tests.push(instruction(jumpUnlessRegistersEqual, context, access, 0, 0));
  }
  if (rule.major !== undefined && rule.major >= 0) tests.push(instruction(jumpUnlessEqual, major, 0, 0, rule.major));
  if (rule.minor !== undefined && rule.minor >= 0) tests.push(instruction(jumpUnlessEqual, minor, 0, 0, rule.minor));
  const verdict = [instruction(moveImmediate32, result, 0, 0, rule.allow ? 1 : 0), instruction(exit, 0, 0, 0, 0)];
  const length = tests.length + verdict.length;
  const linked = tests.map((test, index) =>
    test.code === jumpUnlessEqual || test.code === jumpUnlessRegistersEqual
      ? { ...test, offset: length - index - 1 }
      : test,
  );
  return [...linked, ...verdict];
}

const matchesEverything = (rule: DeviceRule): boolean =>
  (rule.type === undefined || rule.type === 'a') &&
  (rule.major ?? -1) < 0 &&
  (rule.minor ?? -1) < 0 &&
  (rule.access === undefined || rule.access.length === 3);

/** The program's bytes (array of struct bpf_insn, little-endian). Exported for its test. */
export function compileDeviceProgram(rules: readonly DeviceRule[]): Buffer {
  const instructions = prologue();
  let decided = false;
  for (const rule of rules.toReversed()) {
    instructions.push(...ruleInstructions(rule));
    // The verifier refuses code that cannot be reached, and nothing behind such a rule can be.
    if (matchesEverything(rule)) {
      decided = true;
      break;
    }
  }
  if (!decided) instructions.push(instruction(moveImmediate32, result, 0, 0, 0), instruction(exit, 0, 0, 0, 0));
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, { code, destination, source, offset, immediate }] of instructions.entries()) {
    bytes.writeUInt8(code, index * 8);
    bytes.writeUInt8((source << 4) | destination, index * 8 + 1);
    bytes.writeInt16LE(offset, index * 8 + 2);
    bytes.writeInt32LE(immediate, index * 8 + 4);
  }
  return bytes;
}

const systemCallBpf = process.arch === 'arm64' ? 280 : 321;
const programLoad = 5;
const programAttach = 8;
const programTypeCgroupDevice = 15;
const attachTypeCgroupDevice = 6;
/** Replaces the program that is there, and lets groups below add their own restrictions. */
const allowMultiple = 2;

koffi.struct('bpf_load_attributes', {
  type: 'uint32',
  instructionCount: 'uint32',
  instructions: 'void *',
  license: 'void *',
  logLevel: 'uint32',
  logSize: 'uint32',
  logBuffer: 'void *',
  kernelVersion: 'uint32',
  flags: 'uint32',
});
const bpfLoad = libc.func('long syscall(long number, int command, bpf_load_attributes *attributes, uint32 size)');
const bpfAttach = libc.func('long syscall(long number, int command, void *attributes, uint32 size)');

/** Loads the rules as a program and attaches it to the group; further calls narrow, never widen, what is allowed. */
export function attachDeviceProgram(directory: string, rules: readonly DeviceRule[]): void {
  const code = compileDeviceProgram(rules);
  const program = check(
    'bpf',
    Number(
      bpfLoad(
        systemCallBpf,
        programLoad,
        {
          type: programTypeCgroupDevice,
          instructionCount: code.length / 8,
          instructions: code,
          license: Buffer.from('Apache-2.0\0'),
          logLevel: 0,
          logSize: 0,
          logBuffer: null,
          kernelVersion: 0,
          flags: 0,
        },
        48,
      ),
    ),
    'load device program',
  );
  try {
    const group = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const attributes = Buffer.alloc(20);
      attributes.writeUInt32LE(group, 0);
      attributes.writeUInt32LE(program, 4);
      attributes.writeUInt32LE(attachTypeCgroupDevice, 8);
      attributes.writeUInt32LE(allowMultiple, 12);
      check('bpf', Number(bpfAttach(systemCallBpf, programAttach, attributes, attributes.length)), directory);
    } finally {
      closeSync(group);
    }
  } finally {
    // The attachment keeps the program alive.
    closeSync(program);
  }
}
