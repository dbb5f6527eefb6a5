import { invalidArgument } from '../../../base/index.ts';
import type { ApiContext } from '../context.ts';
import { text } from '../decode/query.ts';
import { type Answer, type ApiRequest, json, type Route, route, written } from '../exchange.ts';
import { JsonLines } from '../transport/json-lines.ts';

/** What Docker has no route for. */

const idOf = (request: ApiRequest): string => request.params['id'] ?? '';

async function explain({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const path = text(request.query, 'path');
  return json(await engine.containers.explain(idOf(request), path === '' ? undefined : path));
}

/** Progress as POST /images/create gives it; the last line is the image's id or the error. */
async function bootstrap({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const reference = text(request.query, 'reference');
  if (reference === '') throw invalidArgument('invalid-parameter', 'reference must be given: busybox or debian:SUITE');
  const lines = new JsonLines(request.response);
  try {
    const image = await engine.images.bootstrap(reference, lines.report, request.signal);
    lines.write({ status: image.id });
    lines.end();
  } catch (error) {
    lines.fail(error);
  }
  return written;
}

export const cortenRoutes: readonly Route[] = [
  route('GET', '/corten/containers/:id/explain', explain),
  route('GET', '/corten/containers/:id/trace', ({ engine }, request) => json(engine.containers.trace(idOf(request)))),
  route('POST', '/corten/images/bootstrap', bootstrap),
];
