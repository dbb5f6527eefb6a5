import { invalidArgument } from '../base/index.ts';

/** Who a process runs as, in numbers. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Home directory of /etc/passwd, "/" where there is none. */
  readonly home: string;
}

/** Reads a file of the container's root, by rooted resolution; undefined when it is missing or not a regular file. */
export type RootFileReader = (path: string) => Buffer | undefined;

/** More of /etc/passwd or /etc/group than anybody has: an image must not make the daemon read without end. */
const maximumFileSize = 1024 * 1024;
/** Larger ids wrap to 0 or -1 somewhere in the kernel's interfaces (GHSA-265r-hfxg-fhmg). */
const maximumId = 2 ** 31 - 1;

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * Turns "user", "uid", "user:group", "uid:gid" and the names of further groups into numbers, as Docker does: a name
 * must be in the image's files, a number need not be, and a text of digits only is a number whatever names there are
 * (an image could otherwise give the name "1000" to root).
 * @throws invalid-argument `user-not-found`, `group-not-found`, `id-out-of-range`
 */
export function resolveUser(specification: string, groupsAdded: readonly string[], read: RootFileReader): ResolvedUser {
  const [userPart = '', groupPart = ''] = splitOnce(specification, ':');
  const user = userPart === '' ? '0' : userPart;
  const groups = lazy(() => parseGroups(readCapped('/etc/group', read)));
  const entry = findUser(user, parsePasswd(readCapped('/etc/passwd', read)));
  const uid = entry?.uid ?? numericId(user, 'uid');
  let gid = entry?.gid ?? 0;
  const additional = new Set<number>();
  if (groupPart !== '') {
    gid = findGroup(groupPart, groups());
  } else if (entry !== undefined) {
    // A group given by hand replaces the memberships too.
    for (const group of groups()) if (group.members.includes(entry.name)) additional.add(group.gid);
  }
  for (const group of groupsAdded) additional.add(findGroup(group, groups()));
  // The primary group as a supplementary one too: setgid programs could otherwise shed a group that is denied access
  // (CVE-2023-25173).
  return { uid, gid, additionalGids: [...new Set([gid, ...additional])], home: entry?.home ?? '/' };
}

function lazy<T>(make: () => T): () => T {
  let value: T | undefined;
  return () => (value ??= make());
}

function splitOnce(text: string, separator: string): readonly string[] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

const isNumber = (text: string): boolean => /^\d+$/.test(text);

function findUser(user: string, entries: readonly PasswdEntry[]): PasswdEntry | undefined {
  if (isNumber(user)) {
    const uid = numericId(user, 'uid');
    return entries.find((entry) => entry.uid === uid);
  }
  const entry = entries.find(({ name }) => name === user);
  if (entry === undefined) {
    throw invalidArgument('user-not-found', `unable to find user ${user}: no matching entries in passwd file`, {
      hint: 'the name must be in /etc/passwd of the image; a numeric id works without',
    });
  }
  return entry;
}

function findGroup(group: string, entries: readonly GroupEntry[]): number {
  if (isNumber(group)) return numericId(group, 'gid');
  const entry = entries.find(({ name }) => name === group);
  if (entry === undefined) {
    throw invalidArgument('group-not-found', `unable to find group ${group}: no matching entries in group file`, {
      hint: 'the name must be in /etc/group of the image; a numeric id works without',
    });
  }
  return entry.gid;
}

function numericId(text: string, kind: 'uid' | 'gid'): number {
  const value = Number(text);
  if (value <= maximumId) return value;
  throw invalidArgument(
    'id-out-of-range',
    `uids and gids must be in range 0-${maximumId}: ${kind} ${text} is out of range`,
  );
}

function readCapped(path: string, read: RootFileReader): string {
  const content = read(path);
  return content === undefined ? '' : content.subarray(0, maximumFileSize).toString('utf8');
}

function* lines(text: string): Generator<readonly string[]> {
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed !== '' && !trimmed.startsWith('#')) yield trimmed.split(':');
  }
}

/** An id of a file of the image: entries that say nothing usable are passed over. */
function fileId(text: string | undefined): number | undefined {
  if (text === undefined || !isNumber(text)) return undefined;
  const value = Number(text);
  return value <= maximumId ? value : undefined;
}

function parsePasswd(text: string): readonly PasswdEntry[] {
  const entries: PasswdEntry[] = [];
  for (const [name = '', , uidText, gidText, , home = ''] of lines(text)) {
    const uid = fileId(uidText);
    const gid = fileId(gidText);
    if (uid !== undefined && gid !== undefined) entries.push({ name, uid, gid, home: home === '' ? '/' : home });
  }
  return entries;
}

function parseGroups(text: string): readonly GroupEntry[] {
  const entries: GroupEntry[] = [];
  for (const [name = '', , gidText, members = ''] of lines(text)) {
    const gid = fileId(gidText);
    if (gid !== undefined) entries.push({ name, gid, members: members.split(',').filter((member) => member !== '') });
  }
  return entries;
}
