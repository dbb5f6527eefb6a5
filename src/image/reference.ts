import { invalidArgument } from '../base/index.ts';
import { isDigest } from './digest.ts';

/** An image reference as the distribution project defines it, with Docker's defaults filled in. */
export interface Reference {
  /** "docker.io", "registry:5000" */
  readonly domain: string;
  /** "library/busybox" */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const defaultDomain = 'docker.io';
const officialPrefix = 'library/';
export const defaultTag = 'latest';

const domainPattern =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const componentPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const maximumName = 255;

function invalid(reason?: string): Error {
  return invalidArgument('invalid-reference', `invalid reference format${reason === undefined ? '' : `: ${reason}`}`);
}

/** What Docker takes for a registry: something with "." or ":", "localhost", or with capitals. */
function looksLikeDomain(part: string): boolean {
  return /[.:]/.test(part) || part === 'localhost' || part.toLowerCase() !== part;
}

function splitDomain(name: string): readonly [string, string] {
  const slash = name.indexOf('/');
  const first = name.slice(0, slash);
  const isDomain = slash !== -1 && looksLikeDomain(first);
  const domain = isDomain ? first : defaultDomain;
  const path = isDomain ? name.slice(slash + 1) : name;
  const canonical = domain === 'index.docker.io' ? defaultDomain : domain;
  return [canonical, canonical === defaultDomain && !path.includes('/') ? `${officialPrefix}${path}` : path];
}

/**
 * Parses "busybox", "registry:5000/a/b:1", "a@sha256:…". Throws invalid-argument `invalid-reference` with Docker's words.
 */
export function parseReference(text: string): Reference {
  if (text === '') throw invalid();
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw invalidArgument(
      'invalid-reference',
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw invalid();
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid();
  const [domain, path] = splitDomain(colon === -1 ? named : named.slice(0, colon));
  if (path.toLowerCase() !== path && domainPattern.test(domain)) {
    throw invalid(`repository name (${path.replace(/^library\//, '')}) must be lowercase`);
  }
  if (!domainPattern.test(domain) || !path.split('/').every((part) => componentPattern.test(part))) throw invalid();
  if (domain.length + 1 + path.length > maximumName) {
    throw invalidArgument('invalid-reference', `repository name must not be more than ${maximumName} characters`);
  }
  return { domain, path, tag, digest };
}

/** The reference with ":latest" where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: defaultTag };
}

/** "docker.io/library/busybox": what names are compared by. */
export function repositoryOf({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** "busybox", "registry:5000/a/b": as users write it. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  const short = path.startsWith(officialPrefix) ? path.slice(officialPrefix.length) : path;
  if (!short.includes('/')) return short;
  // Without its domain "docker.io/a.b/c" would be read as a name on the registry a.b.
  return looksLikeDomain(path.slice(0, path.indexOf('/'))) ? `${domain}/${path}` : path;
}

export function familiarReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${familiarName(reference)}${tag}${digest}`;
}

/** What the store keys by: full name and tag, or full name and digest (a digest makes the tag beside it irrelevant). */
export function canonicalReference(reference: Reference): string {
  const { tag, digest } = withDefaultTag(reference);
  return `${repositoryOf(reference)}${digest === undefined ? `:${tag}` : `@${digest}`}`;
}
