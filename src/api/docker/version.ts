import { invalidArgument } from '../../base/index.ts';

/** Minor number of an Engine API version: 51 is version 1.51. There never was another major. */
export type ApiVersion = number;

export const newestVersion: ApiVersion = 51;
export const oldestVersion: ApiVersion = 24;

export const versionText = (version: ApiVersion): string => `1.${version}`;

export interface VersionedPath {
  readonly path: string;
  readonly version: ApiVersion;
}

/**
 * Splits "/v1.43/containers/json" into version and path; without a prefix the newest version answers.
 * @throws invalid-argument with dockerd's wording, which clients match to negotiate
 */
export function splitVersion(url: string): VersionedPath {
  const match = /^\/v(\d+)\.(\d+)(?=[/?]|$)/.exec(url);
  if (match === null) return { path: url, version: newestVersion };
  const text = `${match[1] ?? ''}.${match[2] ?? ''}`;
  const major = Number(match[1]);
  const minor = Number(match[2]);
  if (major > 1 || (major === 1 && minor > newestVersion)) {
    throw invalidArgument(
      'client-version-too-new',
      `client version ${text} is too new. Maximum supported API version is ${versionText(newestVersion)}`,
    );
  }
  if (major < 1 || minor < oldestVersion) {
    throw invalidArgument(
      'client-version-too-old',
      `client version ${text} is too old. Minimum supported API version is ${versionText(oldestVersion)}, please upgrade your client to a newer version`,
    );
  }
  const rest = url.slice(match[0].length);
  return { path: rest.startsWith('/') ? rest : `/${rest}`, version: minor };
}
