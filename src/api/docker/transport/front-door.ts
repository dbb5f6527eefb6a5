import { type ApiVersion, splitVersion } from '../version.ts';

/** Groups whose object names may hold slashes ("localhost:5000/team/app:1"), with the words that can follow a name. */
const slashedNames: readonly RegExp[] = [
  /^\/images\/(?!(?:json|create|load|get|search|prune)$)(.+?)(\/(?:json|history|push|tag|get))?$/,
  /^\/distribution\/(.+)(\/json)$/,
  /^\/plugins\/(?!(?:privileges|pull|create)$)(.+?)(\/(?:json|enable|disable|upgrade|push|set))?$/,
];

export interface RoutedUrl {
  /** Without version prefix and trailing slash; slashes within a name are escaped. */
  readonly url: string;
  readonly path: string;
  readonly version: ApiVersion;
}

function escapeName(path: string): string {
  for (const pattern of slashedNames) {
    const match = pattern.exec(path);
    if (match?.[1] === undefined) continue;
    if (!match[1].includes('/')) return path;
    const group = path.slice(0, path.indexOf('/', 1) + 1);
    return `${group}${match[1].replaceAll('/', '%2F')}${match[2] ?? ''}`;
  }
  return path;
}

/** @throws invalid-argument for an API version that we do not speak */
export function routeUrl(rawUrl: string): RoutedUrl {
  const versioned = splitVersion(rawUrl);
  const question = versioned.path.indexOf('?');
  const search = question < 0 ? '' : versioned.path.slice(question);
  let path = question < 0 ? versioned.path : versioned.path.slice(0, question);
  if (path.length > 1 && path.endsWith('/')) path = path.slice(0, -1);
  path = escapeName(path);
  return { url: `${path}${search}`, path, version: versioned.version };
}
