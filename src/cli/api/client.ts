import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { CommandFailure } from '../failure.ts';
import { ApiFailure, hintFor } from './api-failure.ts';
import { describeEndpoint, type Endpoint } from './endpoint.ts';

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface RequestBody {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is (a tar). */
  readonly stream?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A connection that the daemon has turned into a byte stream (attach, exec). */
export interface Hijacked {
  readonly stream: Duplex;
  /** Bytes of the stream that came along with the answer's head. */
  readonly head: Buffer;
  /** "multiplexed" when frames carry stdout and stderr apart, "raw" for a terminal, undefined from old daemons. */
  readonly contentType: string | undefined;
}

/**
 * Imported as an ES module, node:http runs all of its lazy exports, and so loads the whole of fetch: 35 ms of the 45 that a
 * command may take.
 */
const { request: httpRequest } = process.getBuiltinModule('node:http');

const preferredVersion = '1.51';

/** Objects become JSON filters elsewhere; arrays repeat the key, false and undefined are left out. */
export function encodeQuery(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === false || value === '') continue;
    if (typeof value === 'object') for (const one of value) parameters.append(key, one);
    else parameters.append(key, value === true ? '1' : String(value));
  }
  const encoded = parameters.toString();
  return encoded === '' ? '' : `?${encoded}`;
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Speaks the Engine API over a unix socket or TCP. */
export class Client {
  readonly endpoint: Endpoint;
  #version = preferredVersion;
  #versionKnown = false;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  get apiVersion(): string {
    return this.#version;
  }

  #options(): RequestOptions {
    // An empty server name saves Node from guessing whether the host is an address, at 6 ms for the first one.
    if (this.endpoint.kind === 'unix') return { socketPath: this.endpoint.path, servername: '' };
    const { host, port, tls } = this.endpoint;
    const options: RequestOptions = { host, port };
    if (tls === undefined) return options;
    const { Agent } = process.getBuiltinModule('node:https');
    const { verify, ca, cert, key } = tls;
    options.agent = new Agent({
      rejectUnauthorized: verify,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    options.protocol = 'https:';
    return options;
  }

  #start(method: string, path: string, headers: Record<string, string>, signal?: AbortSignal): ClientRequest {
    const connection = this.#options();
    const options: RequestOptions = { ...connection, method, path, headers: { Host: 'corten', ...headers } };
    if (signal !== undefined) options.signal = signal;
    if (connection.protocol === undefined) return httpRequest(options);
    return process.getBuiltinModule('node:https').request(options);
  }

  #unreachable(error: unknown): CommandFailure {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = error instanceof Error ? error.message : String(error);
    const where = describeEndpoint(this.endpoint);
    if (code === 'EACCES') {
      return new CommandFailure(`permission denied at ${where}`, { hint: "run as root, or join the socket's group" });
    }
    if (code === 'ECONNREFUSED' || code === 'ENOENT') {
      return new CommandFailure(`no daemon answers at ${where}`, {
        hint: 'start it with cortend (as root), or name another one with -H or CORTEN_HOST',
      });
    }
    return new CommandFailure(`the connection to ${where} failed: ${reason}`);
  }

  /** Asks for the daemon's API version once, where a request cannot be repeated (its body is a stream). */
  async negotiate(): Promise<void> {
    if (this.#versionKnown) return;
    const answer = await this.#exchange('GET', '/_ping', {}, undefined, undefined);
    answer.resume();
    this.#adopt(answer);
  }

  #adopt(answer: IncomingMessage): boolean {
    const offered = answer.headers['api-version'];
    if (typeof offered !== 'string') return false;
    this.#versionKnown = true;
    const [major = 0, minor = 0] = offered.split('.').map(Number);
    const [ourMajor = 0, ourMinor = 0] = this.#version.split('.').map(Number);
    if (major > ourMajor || (major === ourMajor && minor >= ourMinor)) return false;
    this.#version = offered;
    return true;
  }

  async #exchange(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: Buffer | Readable | undefined,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const request = this.#start(method, path, headers, signal);
    return new Promise((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', (error) => reject(signal?.aborted === true ? error : this.#unreachable(error)));
      if (body === undefined || Buffer.isBuffer(body)) request.end(body);
      else {
        body.on('error', (error) => {
          reject(new CommandFailure(`cannot read the input: ${error.message}`));
          request.destroy();
        });
        body.pipe(request);
      }
    });
  }

  async #failure(answer: IncomingMessage): Promise<ApiFailure> {
    const raw = (await readAll(answer)).toString();
    let message = raw.trim() || `the daemon answered ${answer.statusCode ?? 0}`;
    let hint: string | undefined;
    try {
      const parsed: unknown = JSON.parse(raw);
      if (typeof parsed === 'object' && parsed !== null) {
        if ('message' in parsed) message = String(parsed.message);
        if ('hint' in parsed && typeof parsed.hint === 'string') hint = parsed.hint;
      }
    } catch {
      // Not JSON: a proxy, or a daemon older than 1.24; the text itself is the message.
    }
    return new ApiFailure(answer.statusCode ?? 0, message, hint ?? hintFor(message));
  }

  /** The answer's body as a stream. A status of 400 or more is an ApiFailure. */
  async stream(method: string, path: string, options: RequestBody = {}): Promise<IncomingMessage> {
    const headers: Record<string, string> = { ...options.headers };
    let body: Buffer | Readable | undefined;
    if (options.stream !== undefined) {
      await this.negotiate();
      body = options.stream;
      headers['Content-Type'] ??= 'application/x-tar';
    } else if (options.json !== undefined) {
      body = Buffer.from(JSON.stringify(options.json));
      headers['Content-Type'] = 'application/json';
      headers['Content-Length'] = String(body.length);
    }
    // Corten's own routes carry no version of the Engine API.
    const own = path.startsWith('/corten/');
    const url = (): string => `${own ? '' : `/v${this.#version}`}${path}${encodeQuery(options.query)}`;
    const asked = this.#version;
    let answer = await this.#exchange(method, url(), headers, body, options.signal);
    if (answer.statusCode === 400 && asked === preferredVersion && options.stream === undefined) {
      // A daemon older than this client refuses the version by its number and names its own.
      const refused = await this.#failure(answer);
      if (!/version [\d.]+ is too new/.test(refused.message)) throw refused;
      if (this.#version === asked && !this.#adopt(answer)) await this.negotiate();
      answer = await this.#exchange(method, url(), headers, body, options.signal);
    }
    if (!this.#versionKnown) this.#adopt(answer);
    if ((answer.statusCode ?? 500) >= 400) throw await this.#failure(answer);
    return answer;
  }

  async json(method: string, path: string, options: RequestBody = {}): Promise<unknown> {
    const body = await readAll(await this.stream(method, path, options));
    if (body.length === 0) return undefined;
    try {
      return JSON.parse(body.toString());
    } catch {
      throw new CommandFailure(`the daemon's answer to ${method} ${path} is not JSON`);
    }
  }

  /** For requests whose answer has no body worth reading. Resolves with the status. */
  async send(method: string, path: string, options: RequestBody = {}): Promise<number> {
    const answer = await this.stream(method, path, options);
    await readAll(answer);
    return answer.statusCode ?? 0;
  }

  /** Upgrades the connection to a byte stream; answers of old daemons without "101 UPGRADED" work as well. */
  async hijack(path: string, options: RequestBody = {}): Promise<Hijacked> {
    await this.negotiate();
    const headers: Record<string, string> = { Connection: 'Upgrade', Upgrade: 'tcp' };
    const body = options.json === undefined ? undefined : Buffer.from(JSON.stringify(options.json));
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    headers['Content-Length'] = String(body?.length ?? 0);
    const url = `/v${this.#version}${path}${encodeQuery(options.query)}`;
    const request = this.#start('POST', url, headers, options.signal);
    return new Promise((resolve, reject) => {
      request.on('upgrade', (answer, stream, head) => {
        resolve({ stream, head, contentType: answer.headers['content-type'] });
      });
      request.on('response', (answer) => {
        this.#failure(answer).then(reject, reject);
      });
      request.on('error', (error) => reject(this.#unreachable(error)));
      request.end(body);
    });
  }
}
