import { createHash, randomBytes } from 'node:crypto';

/** Networks and endpoints have 64 hexadecimal digits, as Docker's. */
export const randomId = (): string => randomBytes(32).toString('hex');

/**
 * First characters of the host's end of each veth pair. A link name has at most 15 characters, so the instance is hashed
 * to five: two daemons do not meet, and each finds its own leftovers.
 */
export const linkPrefix = (instance: string): string =>
  `ve${createHash('sha256').update(instance).digest('hex').slice(0, 5)}`;

export const linkName = (instance: string, endpointId: string): string =>
  `${linkPrefix(instance)}${endpointId.slice(0, 8)}`;

/** An nftables identifier: letters, digits and `-`. */
export const tableName = (instance: string): string => `corten-${instance.replaceAll(/[^A-Za-z0-9]/g, '-')}`;

/** The alias of a link that the daemon made. */
export const linkAlias = (instance: string): string => `corten:${instance}`;
