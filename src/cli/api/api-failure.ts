import { CommandFailure } from '../failure.ts';

/** The daemon refused a request. */
export class ApiFailure extends CommandFailure {
  readonly status: number;

  constructor(status: number, message: string, hint: string | undefined) {
    super(message, { hint });
    this.name = 'ApiFailure';
    this.status = status;
  }
}

const hints: readonly (readonly [RegExp, string])[] = [
  [/No such container/i, 'corten ps -a lists all containers'],
  [/No such image/i, 'corten images lists what is here'],
  [/no such volume/i, 'corten volume ls lists the volumes'],
  [/network .* not found/i, 'corten network ls lists the networks'],
  [/is already in use by container/i, 'remove or rename the other one, or choose another --name'],
  [/cannot remove a running container|container is running/i, 'stop it first, or use rm -f'],
  [/is not running/i, 'corten start starts it'],
  [/image is being used by|is using its referenced image/i, 'remove the container first, or use rmi -f'],
];

/** What to do about a well-known message, where the daemon says nothing itself. */
export function hintFor(message: string): string | undefined {
  return hints.find(([pattern]) => pattern.test(message))?.[1];
}
