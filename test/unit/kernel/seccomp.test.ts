import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSeccomp } from '../../../src/engine/sandbox-defaults/index.ts';
import { defaultCapabilities } from '../../../src/engine/sandbox-defaults/capabilities.ts';
import { compileSeccomp } from '../../../src/kernel/index.ts';

const allow = 0x7fff_0000;
const deny = 0x0005_0001;
const missing = 0x0005_0026;

const x86_64 = 0xc000_003e;
const i386 = 0x4000_0003;

interface Call {
  readonly architecture?: number;
  readonly number: number;
  readonly arguments?: readonly number[];
}

/** What the kernel would answer: an interpreter of the classic BPF that seccomp programs are made of. */
function evaluate(filter: Uint8Array, call: Call): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number, 0);
  data.writeUInt32LE(call.architecture ?? x86_64, 4);
  for (const [index, value] of (call.arguments ?? []).entries()) data.writeBigUInt64LE(BigInt(value), 16 + index * 8);
  const program = Buffer.from(filter.buffer, filter.byteOffset, filter.byteLength);
  let accumulator = 0;
  for (let counter = 0; counter * 8 < program.length; counter += 1) {
    const code = program.readUInt16LE(counter * 8);
    const ifTrue = program.readUInt8(counter * 8 + 2);
    const ifFalse = program.readUInt8(counter * 8 + 3);
    const value = program.readUInt32LE(counter * 8 + 4);
    const jump = (condition: boolean): void => {
      counter += condition ? ifTrue : ifFalse;
    };
    if (code === 0x20) accumulator = data.readUInt32LE(value);
    else if (code === 0x06) return value;
    else if (code === 0x05) counter += value;
    else if (code === 0x15) jump(accumulator === value);
    else if (code === 0x25) jump(accumulator > value);
    else if (code === 0x35) jump(accumulator >= value);
    else if (code === 0x45) jump((accumulator & value) !== 0);
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0;
    else throw new Error(`instruction ${code.toString(16)}`);
  }
  throw new Error('the program has no end');
}

const options = { skip: process.arch === 'x64' ? false : 'numbers of x86-64' };
const filter = (capabilities: readonly string[] = defaultCapabilities): Uint8Array =>
  compileSeccomp(defaultSeccomp(capabilities));

test('what programs need is allowed, what reaches for the host is not', options, () => {
  const program = filter();
  for (const [name, number] of Object.entries({ read: 0, execve: 59, ptrace: 101, chroot: 161, openat2: 437 })) {
    assert.equal(evaluate(program, { number }), allow, name);
  }
  const refused = {
    mount: 165,
    unshare: 272,
    setns: 308,
    bpf: 321,
    init_module: 175,
    reboot: 169,
    keyctl: 250,
    swapon: 167,
    io_uring_setup: 425,
  };
  for (const [name, number] of Object.entries(refused)) assert.equal(evaluate(program, { number }), deny, name);
});

test('new namespaces by clone are refused, clone3 is as if it did not exist', options, () => {
  const program = filter();
  assert.equal(evaluate(program, { number: 56, arguments: [17] }), allow);
  for (const flag of [0x0002_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000, 0x0200_0000]) {
    assert.equal(evaluate(program, { number: 56, arguments: [flag | 17] }), deny, flag.toString(16));
  }
  assert.equal(evaluate(program, { number: 435 }), missing);
  const privileged = filter([...defaultCapabilities, 'CAP_SYS_ADMIN']);
  assert.equal(evaluate(privileged, { number: 435 }), allow);
  assert.equal(evaluate(privileged, { number: 165 }), allow);
});

test('AF_ALG and AF_VSOCK sockets are refused (CVE-2026-31431), others are not', options, () => {
  const program = filter();
  for (const family of [1, 2, 10, 16, 17, 39, 41]) {
    assert.equal(evaluate(program, { number: 41, arguments: [family] }), allow, String(family));
    assert.equal(evaluate(program, { architecture: i386, number: 359, arguments: [family] }), allow, `i386 ${family}`);
  }
  for (const family of [38, 40]) {
    assert.equal(evaluate(program, { number: 41, arguments: [family] }), deny, String(family));
    assert.equal(evaluate(program, { architecture: i386, number: 359, arguments: [family] }), deny, `i386 ${family}`);
  }
});

test('socketcall of i386 makes no socket, as its family cannot be looked at; other operations work', options, () => {
  const program = filter();
  const socketcall = (operation: number): number =>
    evaluate(program, { architecture: i386, number: 102, arguments: [operation] });
  assert.equal(socketcall(1), deny);
  for (const operation of [2, 3, 4, 5, 9, 20]) assert.equal(socketcall(operation), allow, String(operation));
});

test('a foreign architecture and x32 calls get the default action', options, () => {
  const program = filter();
  assert.equal(evaluate(program, { architecture: 0xc000_00b7, number: 63 }), deny);
  assert.equal(evaluate(program, { number: 0x4000_0000 + 0 }), deny);
});

test('only harmless personalities', options, () => {
  const program = filter();
  assert.equal(evaluate(program, { number: 135, arguments: [0x0002_0008] }), allow);
  assert.equal(evaluate(program, { number: 135, arguments: [0x0040_0000] }), deny);
});

test('names that libseccomp does not know are left out; wrong actions are an error', options, () => {
  const program = compileSeccomp({
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [{ names: ['mkdir', 'of_the_future'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
  });
  assert.equal(evaluate(program, { number: 83 }), missing);
  assert.equal(evaluate(program, { number: 0 }), allow);
  assert.throws(() => compileSeccomp({ defaultAction: 'SCMP_ACT_NOTIFY' }), /EINVAL/);
});

test('the same profile is compiled once', options, () => {
  assert.equal(filter(), filter());
  const copy = JSON.parse(JSON.stringify(defaultSeccomp(defaultCapabilities))) as ReturnType<typeof defaultSeccomp>;
  assert.equal(compileSeccomp(copy), filter());
});
