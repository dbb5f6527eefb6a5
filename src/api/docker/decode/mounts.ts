import { invalidArgument, notImplemented } from '../../../base/index.ts';
import type { MountRequest } from '../../../engine/types.ts';
import {
  bindOptionFields,
  driverConfigFields,
  mountFields,
  tmpfsOptionFields,
  volumeOptionFields,
} from './field-tables.ts';
import { boolean, fields, integer, isZero, list, string, stringMap, strings } from './fields.ts';

const propagations = ['', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];

function bindMount(target: string, source: string, readOnly: boolean, options: unknown, path: string): MountRequest {
  const given = fields(options, path, bindOptionFields);
  const propagation = string(given['Propagation'], `${path}.Propagation`);
  if (!propagations.includes(propagation)) {
    throw invalidArgument('invalid-mount', `invalid mount config for type "bind": unknown propagation ${propagation}`);
  }
  if (source === '')
    throw invalidArgument('invalid-mount', 'invalid mount config for type "bind": field Source must not be empty');
  return {
    type: 'bind',
    source,
    target,
    readOnly,
    propagation,
    createSource: boolean(given['CreateMountpoint'], `${path}.CreateMountpoint`),
    recursive: !boolean(given['NonRecursive'], `${path}.NonRecursive`),
  };
}

function volumeMount(target: string, source: string, readOnly: boolean, options: unknown, path: string): MountRequest {
  const given = fields(options, path, volumeOptionFields);
  const driver = fields(given['DriverConfig'], `${path}.DriverConfig`, driverConfigFields);
  volumeDriver(string(driver['Name'], `${path}.DriverConfig.Name`));
  return {
    type: 'volume',
    source,
    target,
    readOnly,
    noCopy: boolean(given['NoCopy'], `${path}.NoCopy`),
    subpath: string(given['Subpath'], `${path}.Subpath`),
    labels: stringMap(given['Labels'], `${path}.Labels`),
  };
}

function tmpfsMount(target: string, readOnly: boolean, options: unknown, path: string): MountRequest {
  const given = fields(options, path, tmpfsOptionFields);
  const size = integer(given['SizeBytes'], `${path}.SizeBytes`);
  const mode = integer(given['Mode'], `${path}.Mode`);
  if (size < 0) throw invalidArgument('invalid-mount', `invalid mount config for type "tmpfs": size ${size}`);
  if (mode < 0 || mode > 0o7777) {
    throw invalidArgument('invalid-mount', `invalid mount config for type "tmpfs": mode ${mode}`);
  }
  const extra = list(given['Options'], `${path}.Options`, (option, optionPath) => {
    const [name = '', value, ...rest] = strings(option, optionPath);
    if (name === '' || rest.length > 0) {
      throw invalidArgument('invalid-mount', `invalid mount config for type "tmpfs": ${optionPath} is no option`);
    }
    return value === undefined ? name : `${name}=${value}`;
  });
  return {
    type: 'tmpfs',
    target,
    sizeBytes: size === 0 ? undefined : size,
    mode: mode === 0 ? undefined : mode,
    options: readOnly ? ['ro', ...extra] : extra,
  };
}

/** Only the built-in driver exists. */
export function volumeDriver(name: string): void {
  if (name !== '' && name !== 'local') {
    throw notImplemented('unsupported-volume-driver', `volume driver "${name}" is not supported`, {
      hint: 'only the driver "local" exists',
    });
  }
}

/** One entry of HostConfig.Mounts. */
export function mount(value: unknown, path: string): MountRequest {
  const given = fields(value, path, mountFields);
  const type = string(given['Type'], `${path}.Type`);
  const target = string(given['Target'], `${path}.Target`);
  const source = string(given['Source'], `${path}.Source`);
  const readOnly = boolean(given['ReadOnly'], `${path}.ReadOnly`);
  if (target === '') {
    throw invalidArgument('invalid-mount', `invalid mount config for type "${type}": field Target must not be empty`);
  }
  for (const [option, owner] of [
    ['BindOptions', 'bind'],
    ['VolumeOptions', 'volume'],
    ['TmpfsOptions', 'tmpfs'],
  ] as const) {
    if (type !== owner && !isZero(given[option])) {
      throw invalidArgument(
        'invalid-mount',
        `invalid mount config for type "${type}": field ${option} must not be specified`,
      );
    }
  }
  switch (type) {
    case 'bind':
      return bindMount(target, source, readOnly, given['BindOptions'], `${path}.BindOptions`);
    case 'volume':
      return volumeMount(target, source, readOnly, given['VolumeOptions'], `${path}.VolumeOptions`);
    case 'tmpfs':
      if (source !== '') {
        throw invalidArgument(
          'invalid-mount',
          'invalid mount config for type "tmpfs": field Source must not be specified',
        );
      }
      return tmpfsMount(target, readOnly, given['TmpfsOptions'], `${path}.TmpfsOptions`);
    case 'image':
    case 'npipe':
    case 'cluster':
      throw notImplemented('unsupported-mount', `mounts of type "${type}" are not supported`);
    default:
      throw invalidArgument('invalid-mount', `invalid mount config for type "${type}": mount type unknown`);
  }
}
