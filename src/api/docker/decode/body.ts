import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { invalidArgument } from '../../../base/index.ts';

/** Larger than any real request; one parse, and above it a refusal (CVE-2024-41110, CVE-2026-34040). */
const maximumJsonBytes = 4 * 1024 * 1024;

function tooLarge(): never {
  throw invalidArgument('body-too-large', `request body too large: at most ${maximumJsonBytes} bytes of JSON are read`);
}

/** @throws invalid-argument for text that is not JSON; undefined when it is empty */
function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw invalidArgument('invalid-json', `invalid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** dockerd's rule: a body that has a type must be JSON; one without type is taken as JSON. */
function checkContentType(contentType: string | undefined): void {
  if (contentType === undefined || contentType === '') return;
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  if (type === 'application/json') return;
  throw invalidArgument(
    'unsupported-content-type',
    `unsupported Content-Type header (${contentType}): must be 'application/json'`,
  );
}

/** @throws invalid-argument when it is too long or malformed */
async function readJson(body: Readable, contentLength: string | undefined): Promise<unknown> {
  if (contentLength !== undefined && Number(contentLength) > maximumJsonBytes) tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    size += bytes.length;
    if (size > maximumJsonBytes) tooLarge();
    chunks.push(bytes);
  }
  return parseJson(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
}

/** A request's whole body as JSON; undefined when it has none. @throws invalid-argument */
export async function readRequestJson(request: IncomingMessage): Promise<unknown> {
  const { headers } = request;
  const present = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
  if (!present) return undefined;
  checkContentType(headers['content-type']);
  return await readJson(request, headers['content-length']);
}
