import type { ServerResponse } from 'node:http';
import { CortenError, describeError, type ErrorKind } from '../../base/index.ts';

/** The one place where error kinds become status codes of the Engine API; handlers never choose one. */
const statusOfKind: Readonly<Record<ErrorKind, number>> = {
  'not-found': 404,
  conflict: 409,
  'invalid-argument': 400,
  forbidden: 403,
  unauthenticated: 401,
  'not-modified': 304,
  'not-implemented': 501,
  unavailable: 503,
  // dockerd has no code of its own for these: clients know 500 as "the daemon failed".
  'resource-exhausted': 500,
  cancelled: 500,
  'deadline-exceeded': 500,
  'data-loss': 500,
  internal: 500,
};

export interface ErrorAnswer {
  readonly status: number;
  readonly message: string;
  /** Stable identifier, sent as the header Corten-Error-Code. */
  readonly code: string;
}

export const errorCodeHeader = 'Corten-Error-Code';

/** Status, text and code of anything that was thrown. Errors without a kind are ours: 500. */
export function answerOfError(error: unknown): ErrorAnswer {
  if (!(error instanceof CortenError)) return { status: 500, message: describeError(error), code: 'internal' };
  const message = messageOf(error);
  return {
    status: statusOfKind[error.kind],
    message: error.hint === undefined ? message : `${message} (${error.hint})`,
    code: error.code,
  };
}

/** A message that already says why in words gains nothing from the errno that it was made from. */
function messageOf(error: CortenError): string {
  const translated =
    error.cause instanceof Error && error.cause.name === 'KernelError' && statusOfKind[error.kind] < 500;
  return translated ? error.message : describeError(error);
}

/** The body of every error: `{"message": …}` and a line feed, as dockerd ends it. */
export function errorBody(answer: ErrorAnswer): string {
  return `${JSON.stringify({ message: answer.message })}\n`;
}

/** Writes an error to a response that has not begun; one that has can only be cut. */
export function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const answer = answerOfError(error);
  response.statusCode = answer.status;
  response.setHeader(errorCodeHeader, answer.code);
  if (answer.status === 304) {
    response.end();
    return;
  }
  const body = errorBody(answer);
  response.setHeader('Content-Type', 'application/json');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(body);
}
