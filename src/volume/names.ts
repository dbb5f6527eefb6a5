import { invalidArgument, notImplemented } from '../base/index.ts';

const validName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** A name is a directory's name too. */
const maximumNameBytes = 255;

/** Docker's rules and words for the names of local volumes. Throws invalid-argument `invalid-volume-name`. */
export function checkVolumeName(name: string): void {
  if (name.length === 1) {
    throw invalidArgument(
      'invalid-volume-name',
      'volume name is too short, names should be at least two alphanumeric characters',
    );
  }
  if (!validName.test(name)) {
    throw invalidArgument(
      'invalid-volume-name',
      `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  if (name.length > maximumNameBytes) {
    throw invalidArgument('invalid-volume-name', `volume name is too long: at most ${maximumNameBytes} characters`);
  }
}

/** Options of Docker's local driver, which mounts a file system for them. */
const knownOptions: ReadonlySet<string> = new Set(['type', 'o', 'device', 'size']);

export function checkVolumeOptions(options: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(options)) {
    if (!knownOptions.has(name)) {
      throw invalidArgument('invalid-volume-option', `invalid option: ${JSON.stringify(name)}`);
    }
    throw notImplemented(
      'volume-option-not-implemented',
      `the option ${JSON.stringify(name)} of the local volume driver is not implemented`,
      { hint: 'use a bind mount or a tmpfs mount in its place' },
    );
  }
}
