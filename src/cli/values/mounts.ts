import { resolve } from 'node:path';
import { usageFailure } from '../failure.ts';
import { parseBytes } from './quantities.ts';

const modes = new Set([
  'ro',
  'rw',
  'z',
  'Z',
  'cached',
  'consistent',
  'delegated',
  'default',
  'nocopy',
  'copy',
  'volume-nocopy',
  'shared',
  'rshared',
  'slave',
  'rslave',
  'private',
  'rprivate',
  'bind-recursive',
  'ro-non-recursive',
  'ro-force-recursive',
]);

export interface VolumeSpecification {
  /** For HostConfig.Binds: a host path or volume with its target. */
  readonly binds: string[];
  /** Anonymous volumes, for Config.Volumes. */
  readonly anonymous: Record<string, Record<string, never>>;
}

/** -v values. A relative host path ("./src", "../x", ".") is made absolute here, since the daemon has another directory. */
export function parseVolumes(given: readonly string[]): VolumeSpecification {
  const result: VolumeSpecification = { binds: [], anonymous: {} };
  for (const one of given) {
    const parts = one.split(':');
    if (one === '') throw usageFailure('invalid empty volume spec');
    if (parts.length > 3 || parts.some((part) => part === '')) {
      throw usageFailure(`invalid volume specification: '${one}'`, 'volumes are written [source:]target[:options]');
    }
    const [first = '', second, third] = parts;
    if (second === undefined) {
      checkTarget(first, one);
      result.anonymous[first] = {};
      continue;
    }
    if (third === undefined && second.split(',').every((mode) => modes.has(mode))) {
      throw usageFailure(`invalid volume specification: '${one}': no target before the options`);
    }
    checkTarget(second, one);
    const unknown = third?.split(',').find((mode) => !modes.has(mode));
    if (unknown !== undefined) throw usageFailure(`invalid volume specification: '${one}': unknown option ${unknown}`);
    const source = /^\.{1,2}(\/|$)/.test(first) ? resolve(first) : first;
    result.binds.push([source, ...parts.slice(1)].join(':'));
  }
  return result;
}

function checkTarget(target: string, whole: string): void {
  if (!target.startsWith('/')) {
    throw usageFailure(
      `invalid volume specification: '${whole}': invalid mount path: '${target}' mount path must be absolute`,
    );
  }
  if (/^\/+$/.test(target)) throw usageFailure(`invalid volume specification: '${whole}': destination can't be '/'`);
}

/** Fields of a line of CSV: a field that contains a comma is put in double quotes, as a whole. */
export function csvFields(line: string): string[] {
  const fields: string[] = [];
  let field = '';
  let index = 0;
  for (;;) {
    if (line[index] === '"') {
      index += 1;
      for (; index < line.length; index += 1) {
        if (line[index] === '"') {
          if (line[index + 1] !== '"') break;
          index += 1;
        }
        field += line[index] ?? '';
      }
      if (index >= line.length) throw usageFailure(`invalid argument ${line}: a quote is not closed`);
      index += 1;
      if (index < line.length && line[index] !== ',')
        throw usageFailure(`invalid argument ${line}: text after a closing quote`);
    } else {
      const comma = line.indexOf(',', index);
      const end = comma < 0 ? line.length : comma;
      field = line.slice(index, end);
      index = end;
    }
    fields.push(field);
    field = '';
    if (index >= line.length) return fields;
    index += 1;
  }
}

type Mutable = Record<string, unknown>;

interface MountDraft {
  readonly request: Mutable;
  readonly bind: Mutable;
  readonly volume: Mutable;
  readonly driver: Mutable;
  readonly tmpfs: Mutable;
}

function flagValue(key: string, value: string | undefined): boolean {
  if (value === undefined || value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw usageFailure(`invalid value for ${key}: ${value}`);
}

const pair = (value: string, key: string): Record<string, string> => {
  const equals = value.indexOf('=');
  if (equals < 0 && key === 'volume-opt') throw usageFailure(`invalid value for ${key}: ${value} must be name=value`);
  return equals < 0 ? { [value]: '' } : { [value.slice(0, equals)]: value.slice(equals + 1) };
};

function setBindRecursion(draft: MountDraft, value: string): void {
  const settings: Readonly<Record<string, Mutable>> = {
    enabled: {},
    disabled: { NonRecursive: true },
    writable: { ReadOnlyNonRecursive: true },
    readonly: { ReadOnlyForceRecursive: true },
  };
  const chosen = settings[value];
  if (chosen === undefined) throw usageFailure(`invalid value for bind-recursive: ${value}`);
  Object.assign(draft.bind, chosen);
}

/** Keys that need a value, each with what it sets. */
const valued: Readonly<Record<string, (draft: MountDraft, value: string) => void>> = {
  type: (draft, value) => (draft.request['Type'] = value.toLowerCase()),
  source: (draft, value) => (draft.request['Source'] = value),
  src: (draft, value) => (draft.request['Source'] = value),
  target: (draft, value) => (draft.request['Target'] = value),
  dst: (draft, value) => (draft.request['Target'] = value),
  destination: (draft, value) => (draft.request['Target'] = value),
  consistency: (draft, value) => (draft.request['Consistency'] = value.toLowerCase()),
  'bind-propagation': (draft, value) => (draft.bind['Propagation'] = value.toLowerCase()),
  'bind-recursive': setBindRecursion,
  'volume-subpath': (draft, value) => (draft.volume['Subpath'] = value),
  'volume-driver': (draft, value) => (draft.driver['Name'] = value),
  'volume-label': (draft, value) =>
    (draft.volume['Labels'] = { ...(draft.volume['Labels'] as object | undefined), ...pair(value, 'volume-label') }),
  'volume-opt': (draft, value) =>
    (draft.driver['Options'] = { ...(draft.driver['Options'] as object | undefined), ...pair(value, 'volume-opt') }),
  'tmpfs-size': (draft, value) => (draft.tmpfs['SizeBytes'] = parseBytes(value, 'mount tmpfs-size')),
  'tmpfs-mode': (draft, value) => {
    if (!/^[0-7]+$/.test(value)) throw usageFailure(`invalid value for tmpfs-mode: ${value}`);
    draft.tmpfs['Mode'] = Number.parseInt(value, 8);
  },
};

const switches: Readonly<Record<string, (draft: MountDraft, on: boolean) => void>> = {
  readonly: (draft, on) => (draft.request['ReadOnly'] = on),
  ro: (draft, on) => (draft.request['ReadOnly'] = on),
  'volume-nocopy': (draft, on) => (draft.volume['NoCopy'] = on),
  'bind-nonrecursive': (draft, on) => (draft.bind['NonRecursive'] = on),
};

function assembled(draft: MountDraft, whole: string): Mutable {
  const { request, bind, volume, driver, tmpfs } = draft;
  if (Object.keys(driver).length > 0) volume['DriverConfig'] = driver;
  const type = String(request['Type']);
  if (request['Type'] === '') throw usageFailure('type is required');
  if (request['Target'] === undefined) throw usageFailure(`invalid mount ${whole}: target is required`);
  for (const [owner, options] of [
    ['bind', bind],
    ['volume', volume],
    ['tmpfs', tmpfs],
  ] as const) {
    if (Object.keys(options).length === 0) continue;
    if (type !== owner) throw usageFailure(`cannot mix '${owner}-*' options with mount type '${type}'`);
  }
  const source = request['Source'];
  if (type === 'bind' && typeof source === 'string' && /^\.{1,2}(\/|$)/.test(source))
    request['Source'] = resolve(source);
  if (Object.keys(bind).length > 0) request['BindOptions'] = bind;
  if (Object.keys(volume).length > 0) request['VolumeOptions'] = volume;
  if (Object.keys(tmpfs).length > 0) request['TmpfsOptions'] = tmpfs;
  return request;
}

/** One --mount value, as an element of HostConfig.Mounts. */
export function parseMount(whole: string): Readonly<Record<string, unknown>> {
  const draft: MountDraft = { request: { Type: 'volume' }, bind: {}, volume: {}, driver: {}, tmpfs: {} };
  for (const field of csvFields(whole)) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    const set = Object.hasOwn(valued, key) ? valued[key] : undefined;
    const toggle = Object.hasOwn(switches, key) ? switches[key] : undefined;
    if (toggle !== undefined) toggle(draft, flagValue(key, value));
    else if (set === undefined) throw usageFailure(`unexpected key '${key}' in '${field}'`);
    else if (value === undefined) throw usageFailure(`invalid field '${field}' must be a key=value pair`);
    else set(draft, value);
  }
  return assembled(draft, whole);
}

/** --tmpfs values: "/run" or "/run:size=64m,mode=700". */
export function parseTmpfs(given: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (const one of given) {
    const colon = one.indexOf(':');
    if (colon < 0) result[one] = '';
    else result[one.slice(0, colon)] = one.slice(colon + 1);
  }
  return result;
}
