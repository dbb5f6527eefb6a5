import { invalidArgument } from '../base/index.ts';
import type { MountAttributes, Propagation } from './plan.ts';

/** A mount's option list, sorted into what the kernel takes by different ways. */
export interface ParsedMountOptions {
  readonly bind: boolean;
  readonly recursive: boolean;
  readonly attributes: MountAttributes;
  readonly propagation: Propagation | undefined;
  /** What is left: the file system's own options, for fsconfig. */
  readonly data: readonly string[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const flags: Readonly<Record<string, (attributes: Writable<MountAttributes>) => void>> = {
  ro: (attributes) => {
    attributes.readOnly = true;
  },
  rw: (attributes) => {
    attributes.readOnly = false;
  },
  nosuid: (attributes) => {
    attributes.noSuid = true;
  },
  suid: (attributes) => {
    attributes.noSuid = false;
  },
  nodev: (attributes) => {
    attributes.noDev = true;
  },
  dev: (attributes) => {
    attributes.noDev = false;
  },
  noexec: (attributes) => {
    attributes.noExec = true;
  },
  exec: (attributes) => {
    attributes.noExec = false;
  },
  relatime: (attributes) => {
    attributes.atime = 'relatime';
  },
  norelatime: (attributes) => {
    delete attributes.atime;
  },
  noatime: (attributes) => {
    attributes.atime = 'noatime';
  },
  atime: (attributes) => {
    attributes.atime = 'relatime';
  },
  strictatime: (attributes) => {
    attributes.atime = 'strictatime';
  },
  nodiratime: (attributes) => {
    attributes.noDirAtime = true;
  },
  diratime: (attributes) => {
    attributes.noDirAtime = false;
  },
  defaults: () => {},
};

const propagations = new Set<string>([
  'private',
  'slave',
  'shared',
  'unbindable',
  'rprivate',
  'rslave',
  'rshared',
  'runbindable',
] satisfies Propagation[]);

export function isPropagation(text: string): text is Propagation {
  return propagations.has(text);
}

/** Options that mount(8) keeps for itself, and the ones that would have to be set on the superblock of a whole host. */
const refused = new Set(['remount', 'move', 'sync', 'dirsync', 'mand', 'iversion']);

export function parseMountOptions(options: readonly string[]): ParsedMountOptions {
  const attributes: Writable<MountAttributes> = {};
  const data: string[] = [];
  let bind = false;
  let recursive = false;
  let propagation: Propagation | undefined;
  for (const option of options) {
    const flag = Object.hasOwn(flags, option) ? flags[option] : undefined;
    if (flag !== undefined) flag(attributes);
    else if (option === 'bind') bind = true;
    else if (option === 'rbind') {
      bind = true;
      recursive = true;
    } else if (isPropagation(option)) propagation = option;
    else if (refused.has(option)) {
      throw invalidArgument('mount-option-refused', `the mount option "${option}" is not supported`);
    } else if (option !== '') data.push(option);
  }
  return { bind, recursive, attributes, propagation, data };
}
