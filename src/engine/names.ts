import { randomInt } from 'node:crypto';
import { conflict, invalidArgument } from '../base/index.ts';
import { adjectives, surnames } from './name-words.ts';

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** A name as users write it, "/name" included. Throws invalid-argument `invalid-container-name`. */
export function parseName(name: string): string {
  const bare = name.startsWith('/') ? name.slice(1) : name;
  if (!pattern.test(bare)) {
    throw invalidArgument(
      'invalid-container-name',
      `Invalid container name (${bare}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  }
  return bare;
}

export function nameConflict(name: string, owner: string): Error {
  return conflict(
    'container-name-in-use',
    `Conflict. The container name "/${name}" is already in use by container "${owner}". ` +
      'You have to remove (or rename) that container to be able to reuse that name.',
  );
}

/** Picks a name that is not taken: adjective_surname, then with a growing number behind it, then from the id. */
export function generateName(isTaken: (name: string) => boolean, id: string): string {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const adjective = adjectives[randomInt(adjectives.length)] ?? 'sturdy';
    const surname = surnames[randomInt(surnames.length)] ?? 'cort';
    const name = `${adjective}_${surname}${attempt === 0 ? '' : randomInt(10 ** attempt)}`;
    if (!isTaken(name)) return name;
  }
  return id.slice(0, 12);
}
