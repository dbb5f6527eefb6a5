import type { ServerResponse } from 'node:http';
import type { ReportProgress } from '../../../image/types.ts';
import { errorMessage, progressMessage } from '../encode/progress.ts';
import { sendError } from '../errors.ts';

/**
 * A stream of JSON messages. The head is sent with the first message, so that a failure before it is still an ordinary
 * error answer; a later one is told in the stream, as clients of dockerd expect.
 */
export class JsonLines {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  readonly report: ReportProgress = (progress) => this.write(progressMessage(progress));

  write(message: object): void {
    this.writeLine(`${JSON.stringify(message)}\r\n`);
  }

  /** A line that is encoded already. */
  writeLine(line: string): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    this.begin();
    this.#response.write(line);
  }

  /** Sends the head now: for streams whose first message may take long. */
  begin(): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, { 'Content-Type': 'application/json' });
    this.#response.flushHeaders();
  }

  end(): void {
    if (this.#response.destroyed) return;
    this.begin();
    this.#response.end();
  }

  fail(error: unknown): void {
    if (!this.#response.headersSent) {
      sendError(this.#response, error);
      return;
    }
    this.write(errorMessage(error));
    this.end();
  }
}
