import { invalidArgument } from '../base/index.ts';

const pattern = /^sha256:([0-9a-f]{64})$/;

/** The hexadecimal part of a sha256 digest. Throws invalid-argument `invalid-digest` for anything else. */
export function digestHex(digest: string): string {
  const hex = pattern.exec(digest)?.[1];
  if (hex === undefined) throw invalidArgument('invalid-digest', `invalid digest ${JSON.stringify(digest)}`);
  return hex;
}

export function isDigest(text: string): boolean {
  return pattern.test(text);
}
