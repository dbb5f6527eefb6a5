import { invalidArgument } from '../base/index.ts';
import type { LaunchPlan, MountAttributes, NamespaceKind, PlanOperation, Propagation } from './plan.ts';

/**
 * The wire form of a launch plan: see native/plan.h, which says what it looks like, and `operation_fields` in
 * native/plan.c, which lists the same fields as here.
 */

const magic = 0x4e545243;
const version = 1;
const noDescriptor = 0xffffffff;

const operationKinds = {
  'join-cgroups': 1,
  'join-namespace': 2,
  unshare: 3,
  'root-propagation': 4,
  'root-overlay': 5,
  'root-bind': 6,
  mount: 7,
  bind: 8,
  device: 9,
  directory: 10,
  symlink: 11,
  terminal: 12,
  mask: 13,
  'read-only-path': 14,
  sysctl: 15,
  hostname: 16,
  domainname: 17,
  'pivot-root': 18,
  rlimit: 19,
  'oom-score-adjust': 20,
  umask: 21,
  'working-directory': 22,
  credentials: 23,
  'no-new-privileges': 24,
  seccomp: 25,
  exec: 26,
} as const satisfies Record<PlanOperation['op'], number>;

const namespaceFlags: Readonly<Record<NamespaceKind, number>> = {
  time: 0x00000080,
  mount: 0x00020000,
  cgroup: 0x02000000,
  uts: 0x04000000,
  ipc: 0x08000000,
  user: 0x10000000,
  pid: 0x20000000,
  network: 0x40000000,
};

const recursiveFlag = 0x4000;
const propagationFlags: Readonly<Record<Propagation, number>> = {
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
  runbindable: (1 << 17) | recursiveFlag,
  rprivate: (1 << 18) | recursiveFlag,
  rslave: (1 << 19) | recursiveFlag,
  rshared: (1 << 20) | recursiveFlag,
};

const logDrivers = { none: 0, 'json-file': 1, local: 2 } as const;

/** File types of mknod(2). */
const deviceTypes = { p: 0o010000, c: 0o020000, b: 0o060000 } as const;

/** MOUNT_ATTR_* of mount_setattr(2). */
const attributeFlags = { readOnly: 0x1, noSuid: 0x2, noDev: 0x4, noExec: 0x8, noDirAtime: 0x80 } as const;
const atimeFlags = { relatime: 0x0, noatime: 0x10, strictatime: 0x20 } as const;
const atimeMask = 0x70;

function attributeMasks(attributes: MountAttributes): { readonly set: number; readonly clear: number } {
  let set = 0;
  let clear = 0;
  for (const name of ['readOnly', 'noSuid', 'noDev', 'noExec', 'noDirAtime'] as const) {
    const value = attributes[name];
    if (value === true) set |= attributeFlags[name];
    else if (value === false) clear |= attributeFlags[name];
  }
  if (attributes.atime !== undefined) {
    set |= atimeFlags[attributes.atime];
    clear |= atimeMask;
  }
  return { set, clear };
}

function namespaceMask(kinds: readonly NamespaceKind[]): number {
  return kinds.reduce((mask, kind) => mask | namespaceFlags[kind], 0);
}

class PlanWriter {
  #bytes = Buffer.alloc(16_384);
  #size = 0;

  #room(size: number): number {
    const at = this.#size;
    this.#size += size;
    if (this.#size > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], Math.max(this.#size, this.#bytes.length * 2));
    }
    return at;
  }

  byte(value: number): this {
    const at = this.#room(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  /** Takes negative numbers as their two's complement. */
  number(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
    return this;
  }

  flag(value: boolean): this {
    return this.number(value ? 1 : 0);
  }

  wide(value: bigint): this {
    const at = this.#room(8);
    this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, value), at);
    return this;
  }

  text(value: string): this {
    if (value.includes('\0')) {
      throw invalidArgument('nul-in-text', `a NUL byte is not allowed: ${JSON.stringify(value)}`);
    }
    const bytes = Buffer.from(value);
    this.number(bytes.length);
    const at = this.#room(bytes.length + 1);
    bytes.copy(this.#bytes, at);
    this.#bytes[at + bytes.length] = 0;
    return this;
  }

  texts(values: readonly string[]): this {
    this.number(values.length);
    for (const value of values) this.text(value);
    return this;
  }

  numbers(values: readonly number[]): this {
    this.number(values.length);
    for (const value of values) this.number(value);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.number(value.length);
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** A number that is known only later: call what is returned to write it. */
  later(): (value: number) => void {
    const at = this.#room(4);
    return (value) => {
      this.#bytes.writeUInt32LE(value, at);
    };
  }

  get size(): number {
    return this.#size;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }
}

/** A stream socket that is an attached client from the start. */
export interface EncodedClient {
  /** Index into the plan's descriptors. */
  readonly descriptor: number;
  readonly streams: number;
}

export function encodePlan(plan: LaunchPlan, clients: readonly EncodedClient[] = []): Buffer {
  const writer = new PlanWriter().number(magic).number(version);
  const writeLength = writer.later();
  writer.number(plan.descriptors.length);
  writeSetup(writer, plan);
  writer.number(clients.length);
  for (const { descriptor, streams } of clients) writer.number(descriptor).number(streams);
  writer
    .number(namespaceMask(plan.cloneNamespaces))
    .number(plan.pidNamespace ?? noDescriptor)
    .number(plan.cloneIntoCgroup ?? noDescriptor)
    .number(plan.operations.length);
  for (const operation of plan.operations) {
    writer.byte(operationKinds[operation.op]);
    const writeSize = writer.later();
    const start = writer.size;
    writeOperation(writer, operation);
    writeSize(writer.size - start);
  }
  writeLength(writer.size);
  return writer.finish();
}

function writeSetup(writer: PlanWriter, { monitor }: LaunchPlan): void {
  writer
    .text(monitor.socketPath)
    .text(monitor.exitPath)
    .flag(monitor.terminal)
    .flag(monitor.openStdin)
    .flag(monitor.stdinOnce)
    .flag(monitor.deferUnmount)
    .number(logDrivers[monitor.log.driver])
    .text(monitor.log.path)
    .wide(BigInt(monitor.log.maximumSize))
    .number(monitor.log.maximumFiles);
  writer.number(monitor.relays.length);
  for (const { listener, address, port } of monitor.relays) {
    writer.number(listener).number(ipv4(address)).number(port);
  }
  writer.numbers(monitor.held);
}

function ipv4(address: string): number {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) {
    throw invalidArgument('invalid-address', `not an IPv4 address: ${address}`);
  }
  return parts.reduce((number, part) => number * 256 + part, 0);
}

function writeOperation(writer: PlanWriter, operation: PlanOperation): void {
  switch (operation.op) {
    case 'join-cgroups':
      writer.texts(operation.directories);
      break;
    case 'join-namespace':
      writer.number(namespaceFlags[operation.namespace]).number(operation.descriptor);
      break;
    case 'unshare':
      writer.number(namespaceMask(operation.namespaces));
      break;
    case 'root-propagation':
      writer.number(propagationFlags[operation.propagation]);
      break;
    case 'root-overlay':
      writer.text(operation.target).text(operation.layersDirectory).texts(operation.lower);
      writer.text(operation.upper).text(operation.work).flag(operation.volatile);
      break;
    case 'root-bind':
      writer.text(operation.source).text(operation.target);
      break;
    case 'mount':
    case 'bind':
      writeMount(writer, operation);
      break;
    case 'device':
      writer.text(operation.path).number(deviceTypes[operation.type] | operation.mode);
      writer.number(operation.major).number(operation.minor).number(operation.uid).number(operation.gid);
      break;
    case 'directory':
      writer.text(operation.path).number(operation.mode).number(operation.uid).number(operation.gid);
      break;
    case 'symlink':
      writer.text(operation.path).text(operation.target);
      break;
    case 'terminal':
      writer.number(operation.rows).number(operation.columns).flag(operation.bindConsole);
      break;
    case 'mask':
    case 'read-only-path':
      writer.text(operation.path);
      break;
    case 'sysctl':
      writer.text(operation.key).text(operation.value);
      break;
    case 'hostname':
    case 'domainname':
      writer.text(operation.name);
      break;
    case 'pivot-root':
      writer.flag(operation.readOnly).number(propagationFlags[operation.propagation]);
      break;
    default:
      writeProcessOperation(writer, operation);
  }
}

function writeMount(writer: PlanWriter, operation: Extract<PlanOperation, { op: 'mount' | 'bind' }>): void {
  const { set, clear } = attributeMasks(operation.attributes);
  if (operation.op === 'mount') {
    writer.text(operation.type).text(operation.source).text(operation.path);
    writer.number(set).number(clear).texts(operation.options);
    return;
  }
  const { source } = operation;
  if (typeof source === 'string') writer.text(source).number(noDescriptor);
  else writer.text('').number(source.descriptor);
  writer.text(operation.path).flag(operation.recursive).number(set).number(clear);
  writer.number(propagationFlags[operation.propagation ?? 'rprivate']).flag(operation.createTarget);
}

type ProcessOperation = Extract<
  PlanOperation,
  {
    op:
      | 'rlimit'
      | 'oom-score-adjust'
      | 'umask'
      | 'working-directory'
      | 'credentials'
      | 'no-new-privileges'
      | 'seccomp'
      | 'exec';
  }
>;

function writeProcessOperation(writer: PlanWriter, operation: ProcessOperation): void {
  switch (operation.op) {
    case 'rlimit':
      writer.number(operation.resource).wide(operation.soft).wide(operation.hard);
      break;
    case 'oom-score-adjust':
      writer.number(operation.value);
      break;
    case 'umask':
      writer.number(operation.mask);
      break;
    case 'working-directory':
      writer.text(operation.path).flag(operation.create);
      break;
    case 'credentials':
      writer.number(operation.uid).number(operation.gid).numbers(operation.groups);
      writer.wide(operation.bounding).wide(operation.permitted).wide(operation.effective).wide(operation.ambient);
      break;
    case 'no-new-privileges':
      break;
    case 'seccomp':
      writer.bytes(operation.filter);
      break;
    case 'exec':
      writer.texts(operation.arguments).texts(operation.environment).flag(operation.init);
      break;
  }
}
