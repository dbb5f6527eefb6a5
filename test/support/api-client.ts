import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** A keep-alive client of one daemon's socket: what is measured is the daemon, not connecting to it. */
export class ApiClient {
  readonly #socket: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Sends one request and reads the whole answer; throws for a status of 400 and above. */
  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return await new Promise((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.#socket,
          agent: this.#agent,
          method,
          path: `/v1.41${path}`,
          headers:
            payload === undefined
              ? {}
              : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(payload) },
        },
        (response) => {
          text(response).then(
            (answer) => {
              if ((response.statusCode ?? 500) >= 400)
                reject(new Error(`${method} ${path}: ${response.statusCode} ${answer}`));
              else
                resolve(
                  answer === ''
                    ? undefined
                    : answer.startsWith('{') || answer.startsWith('[')
                      ? JSON.parse(answer)
                      : answer,
                );
            },
            (error: unknown) => reject(new Error(`${method} ${path}: the answer broke off`, { cause: error })),
          );
        },
      );
      outgoing.once('error', (error) => reject(new Error(`${method} ${path}: ${error.message}`, { cause: error })));
      outgoing.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The `Id` of an answer to a create call. */
export function idOf(answer: unknown): string {
  if (typeof answer === 'object' && answer !== null && 'Id' in answer) return String(answer.Id);
  throw new Error(`no Id in ${JSON.stringify(answer)}`);
}
