import { CortenError, detach, invalidArgument } from '../../../base/index.ts';
import type { ContainerStatistics, WaitCondition } from '../../../engine/types.ts';
import type { ApiContext } from '../context.ts';
import { flag, moment, text } from '../decode/query.ts';
import { emptySample, statisticsSample } from '../encode/statistics.ts';
import { type Answer, type ApiRequest, json, type Route, route, stream, written } from '../exchange.ts';
import { JsonLines } from '../transport/json-lines.ts';
import { outputType } from './stream-types.ts';

const idOf = (request: ApiRequest): string => request.params['id'] ?? '';

function tailLines(value: string): number | undefined {
  if (value === '' || value === 'all') return undefined;
  // dockerd takes what is no number, and negative ones, as all.
  const lines = Number(value);
  return Number.isSafeInteger(lines) && lines >= 0 ? lines : undefined;
}

async function logs({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const { query } = request;
  const stdout = flag(query, 'stdout');
  const stderr = flag(query, 'stderr');
  if (!stdout && !stderr) {
    throw invalidArgument('invalid-parameter', 'Bad parameters: you must choose at least one stream');
  }
  const container = engine.containers.resolve(idOf(request));
  const readable = await engine.containers.logs(
    container.id,
    {
      stdout,
      stderr,
      follow: flag(query, 'follow'),
      timestamps: flag(query, 'timestamps'),
      details: flag(query, 'details'),
      tail: tailLines(text(query, 'tail')),
      sinceNanoseconds: moment(query, 'since'),
      untilNanoseconds: moment(query, 'until'),
    },
    request.signal,
  );
  return stream(readable, outputType(container.configuration.tty, request.version));
}

const conditions: readonly WaitCondition[] = ['not-running', 'next-exit', 'removed'];

async function wait({ engine }: ApiContext, request: ApiRequest): Promise<Answer> {
  const asked = text(request.query, 'condition') || 'not-running';
  const condition = conditions.find((known) => known === asked);
  if (condition === undefined) {
    throw invalidArgument('invalid-parameter', `invalid condition: "${asked}"`);
  }
  const { exited } = engine.containers.wait(idOf(request), condition, request.signal);
  // The head says that the wait is registered: `docker run` starts the container only then.
  request.response.writeHead(200, { 'Content-Type': 'application/json' });
  request.response.flushHeaders();
  try {
    const { exitCode, error } = await exited;
    const message = error === undefined || error === '' ? {} : { Error: { Message: error } };
    request.response.end(`${JSON.stringify({ StatusCode: exitCode, ...message })}\n`);
  } catch (error) {
    // The client that went away is the usual end of a wait.
    if (request.signal.aborted || request.response.destroyed) return written;
    const message = error instanceof CortenError ? error.message : String(error);
    request.response.end(`${JSON.stringify({ StatusCode: -1, Error: { Message: message } })}\n`);
  }
  return written;
}

const sampleInterval = 1000;

/** Resolves after the interval, or at once when the client goes. */
async function nextSample(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, sampleInterval);
    signal.addEventListener('abort', done);
  });
}

async function streamStatistics(
  { engine }: ApiContext,
  id: string,
  request: ApiRequest,
  first: ContainerStatistics | undefined,
): Promise<void> {
  const lines = new JsonLines(request.response);
  let previous: ContainerStatistics | undefined;
  let sampled = first;
  while (!request.signal.aborted) {
    const container = engine.containers.resolve(id);
    if (sampled === undefined) lines.write(emptySample(container));
    else lines.write(statisticsSample(container, sampled, previous));
    previous = sampled;
    await nextSample(request.signal);
    if (request.signal.aborted) return;
    sampled = await sample(engine, id);
  }
}

/** undefined for a container that does not run. */
async function sample(engine: ApiContext['engine'], id: string): Promise<ContainerStatistics | undefined> {
  const { status } = engine.containers.resolve(id).state;
  if (status !== 'running' && status !== 'paused') return undefined;
  return await engine.containers.statistics(id);
}

async function statistics(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { engine } = context;
  const container = engine.containers.resolve(idOf(request));
  const first = await sample(engine, container.id);
  if (flag(request.query, 'stream', true)) {
    detach(
      context.log,
      'statistics stream',
      endQuietly(request, streamStatistics(context, container.id, request, first)),
    );
    return written;
  }
  if (first === undefined) return json(emptySample(container));
  if (flag(request.query, 'one-shot')) return json(statisticsSample(container, first, undefined));
  // A second sample a second later, so that one answer suffices to compute a percentage.
  await nextSample(request.signal);
  const second = await sample(engine, container.id);
  return json(second === undefined ? emptySample(container) : statisticsSample(container, second, first));
}

/** A container that is removed ends its stream; dockerd's clients expect no error then. */
async function endQuietly(request: ApiRequest, streaming: Promise<void>): Promise<void> {
  try {
    await streaming;
  } catch (error) {
    if (!(error instanceof CortenError)) throw error;
  } finally {
    request.response.end();
  }
}

export const containerStreamRoutes: readonly Route[] = [
  route('GET', '/containers/:id/logs', logs),
  route('POST', '/containers/:id/wait', wait),
  route('GET', '/containers/:id/stats', statistics),
];
