import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { ApiContext } from './context.ts';
import type { Query } from './decode/query.ts';
import type { ApiVersion } from './version.ts';

/** One request as a handler sees it: routed and split, nothing decoded. */
export interface ApiRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly version: ApiVersion;
  readonly headers: IncomingMessage['headers'];
  /** Aborts when the client went away. */
  readonly signal: AbortSignal;
  /** The body as JSON, at most 4 MiB; undefined when there is none. */
  json(): Promise<unknown>;
  /** The body as it comes, without limit. */
  readonly body: Readable;
  /** For answers that are written bit by bit. */
  readonly response: ServerResponse;
}

export type Answer =
  | { readonly kind: 'json'; readonly status: number; readonly value: unknown }
  | { readonly kind: 'empty'; readonly status: number }
  | { readonly kind: 'text'; readonly status: number; readonly text: string }
  | { readonly kind: 'stream'; readonly contentType: string; readonly stream: Readable }
  /** The handler wrote the response itself. */
  | { readonly kind: 'written' };

export const json = (value: unknown, status = 200): Answer => ({ kind: 'json', status, value });
export const empty = (status = 204): Answer => ({ kind: 'empty', status });
export const text = (value: string, status = 200): Answer => ({ kind: 'text', status, text: value });
export const stream = (readable: Readable, contentType: string): Answer => ({
  kind: 'stream',
  contentType,
  stream: readable,
});
export const written: Answer = { kind: 'written' };

/** A request whose connection becomes a byte stream in both directions. */
export interface HijackRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly version: ApiVersion;
  json(): Promise<unknown>;
  /** Sends the success head and hands over the connection. Errors thrown before become ordinary answers. */
  accept(contentType: string): Duplex;
  /** Success without a stream (exec start with Detach). */
  finish(): void;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

export interface Route {
  readonly method: Method;
  /** Path as in the Engine API's description, parameters as ":name". */
  readonly path: string;
  readonly handle: (context: ApiContext, request: ApiRequest) => Answer | Promise<Answer>;
}

export interface HijackRoute {
  readonly method: Method;
  readonly path: string;
  readonly hijack: (context: ApiContext, request: HijackRequest) => Promise<void>;
}

export const route = (method: Method, path: string, handle: Route['handle']): Route => ({ method, path, handle });
