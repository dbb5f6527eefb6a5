/**
 * The closed set of error kinds. Every failure that can reach a user is a CortenError of one of them;
 * each API maps kinds to its own status codes in exactly one file.
 */
export const errorKinds = [
  'not-found',
  'conflict',
  'invalid-argument',
  'forbidden',
  'unauthenticated',
  'not-modified',
  'not-implemented',
  'resource-exhausted',
  'unavailable',
  'cancelled',
  'deadline-exceeded',
  'data-loss',
  'internal',
] as const;

export type ErrorKind = (typeof errorKinds)[number];

export interface ErrorOptions {
  /** Stable kebab-case identifier that scripts may match, e.g. `container-not-found`. */
  readonly code: string;
  /** What the user can do about it; one sentence, no trailing full stop needed. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error that a user may see: what happened and why (message), what to do (hint). Never holds secrets. */
export class CortenError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, options: ErrorOptions) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'CortenError';
    this.kind = kind;
    this.code = options.code;
    this.hint = options.hint;
  }
}

type ExtraOptions = Omit<ErrorOptions, 'code'>;

const constructorFor =
  (kind: ErrorKind) =>
  (code: string, message: string, options: ExtraOptions = {}): CortenError =>
    new CortenError(kind, message, { code, ...options });

export const notFound = constructorFor('not-found');
export const conflict = constructorFor('conflict');
export const invalidArgument = constructorFor('invalid-argument');
export const forbidden = constructorFor('forbidden');
export const notModified = constructorFor('not-modified');
export const notImplemented = constructorFor('not-implemented');
export const resourceExhausted = constructorFor('resource-exhausted');
export const unavailable = constructorFor('unavailable');
export const dataLoss = constructorFor('data-loss');
export const internal = constructorFor('internal');

/** The message of anything that was thrown, with the messages of its causes appended. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `: ${describeError(error.cause)}`;
  return error.message.endsWith(cause) ? error.message : `${error.message}${cause}`;
}
