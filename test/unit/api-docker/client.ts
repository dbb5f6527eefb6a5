import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createDockerApi } from '../../../src/api/docker/index.ts';
import { silentLog } from '../../../src/base/index.ts';
import { type FakeEngine, fakeEngine } from './fake-engine.ts';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** The body as JSON. */
  json(): unknown;
}

export interface RequestOptions {
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The API over a fake engine, at a socket of its own. */
export interface TestApi {
  readonly engine: FakeEngine;
  readonly socket: string;
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** A raw connection, on which `head` has been sent. */
  open(head: string): Promise<Socket>;
  close(): Promise<void>;
}

async function send(socketPath: string, method: string, path: string, options: RequestOptions): Promise<Answer> {
  const raw = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  return await new Promise((resolve, reject) => {
    const request = http.request(
      {
        socketPath,
        method,
        path,
        agent: false,
        headers: {
          ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(raw === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(raw)) }),
          ...options.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body,
            json: () => JSON.parse(body) as unknown,
          });
        });
      },
    );
    request.on('error', reject);
    request.end(raw);
  });
}

export async function startTestApi(): Promise<TestApi> {
  const directory = await mkdtemp('/tmp/api-');
  const socket = join(directory, 's');
  const engine = fakeEngine();
  const product = { version: '0.1.0', gitCommit: 'abc', buildTime: '2026-01-01T00:00:00Z' };
  const api = createDockerApi({ engine, log: silentLog, product, debug: () => false });
  const listener = await api.listen({ kind: 'unix', path: socket });
  return {
    engine,
    socket,
    request: async (method, path, options = {}) => await send(socket, method, path, options),
    async open(head) {
      const connection = connect({ path: socket, allowHalfOpen: true });
      await new Promise<void>((resolve, reject) => {
        connection.once('connect', resolve);
        connection.once('error', reject);
      });
      connection.write(head);
      return connection;
    },
    async close() {
      await listener.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Collects what a connection says, so that a test can wait for a text or for the end. */
export class Conversation {
  #received = Buffer.alloc(0);
  #ended = false;
  readonly #wakers = new Set<() => void>();

  constructor(socket: NodeJS.ReadableStream) {
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  get received(): Buffer {
    return this.#received;
  }

  async contains(text: string): Promise<void> {
    await this.#until(() => this.#received.includes(text), `"${text}"`);
  }

  async ended(): Promise<void> {
    await this.#until(() => this.#ended, 'the end');
  }

  #tail(): string {
    return JSON.stringify(this.#received.subarray(-500).toString('latin1'));
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(check);
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`waited for ${what}, got ${this.#tail()}`));
      }, 20_000);
      const check = (): void => {
        if (done()) {
          finish();
          resolve();
        } else if (this.#ended) {
          finish();
          reject(new Error(`ended before ${what}: ${this.#tail()}`));
        }
      };
      this.#wakers.add(check);
      check();
    });
  }
}
