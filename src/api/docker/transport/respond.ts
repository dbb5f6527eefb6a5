import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { Log } from '../../../base/index.ts';
import { describeError } from '../../../base/index.ts';
import { readRequestJson } from '../decode/body.ts';
import type { Query } from '../decode/query.ts';
import type { Answer, ApiRequest } from '../exchange.ts';
import type { ApiVersion } from '../version.ts';

/** A handler's view of one HTTP request. The signal is made only for those who ask for it. */
export class HttpExchange implements ApiRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly version: ApiVersion;
  readonly response: ServerResponse;
  readonly #request: IncomingMessage;
  #signal: AbortSignal | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    routed: { readonly params: Readonly<Record<string, string>>; readonly query: Query; readonly version: ApiVersion },
  ) {
    this.#request = request;
    this.response = response;
    this.params = routed.params;
    this.query = routed.query;
    this.version = routed.version;
  }

  get headers(): IncomingMessage['headers'] {
    return this.#request.headers;
  }

  get body(): IncomingMessage {
    return this.#request;
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      if (this.response.destroyed) controller.abort();
      // Emitted after a complete answer as well: whoever waits has then ended already.
      else this.response.once('close', () => controller.abort());
    }
    return this.#signal;
  }

  async json(): Promise<unknown> {
    return await readRequestJson(this.#request);
  }
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

/** Writes a handler's answer. */
export function respond(response: ServerResponse, answer: Answer, log: Log): void {
  switch (answer.kind) {
    case 'json':
      send(response, answer.status, 'application/json', `${JSON.stringify(answer.value)}\n`);
      break;
    case 'text':
      send(response, answer.status, 'text/plain; charset=utf-8', answer.text);
      break;
    case 'empty':
      response.statusCode = answer.status;
      if (answer.status !== 204) response.setHeader('Content-Length', 0);
      response.end();
      break;
    case 'stream':
      response.writeHead(200, { 'Content-Type': answer.contentType });
      // Whoever follows a silent log has to know that it is followed.
      response.flushHeaders();
      // Back-pressure, and the source's end when the client goes, are pipeline's; a source that fails cuts the answer.
      pipeline(answer.stream, response, (error) => {
        if (error != null) log.debug({ err: error }, `response stream: ${describeError(error)}`);
      });
      break;
    case 'written':
      break;
    default:
      answer satisfies never;
  }
}
