import type { IncomingMessage } from 'node:http';
import { type Duplex, Transform, type TransformCallback } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';

const handshake = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 1024 * 1024 });

/** Completes the WebSocket handshake and gives the messages as a byte stream in both directions. */
export function websocketStream(request: IncomingMessage, socket: Duplex, head: Buffer): Duplex {
  let stream: Duplex | undefined;
  // handleUpgrade calls back within the call when the handshake is right, and answers 400 by itself when it is not.
  handshake.handleUpgrade(request, socket, head, (client) => {
    stream = createWebSocketStream(client);
  });
  if (stream === undefined) throw new WebsocketRefused('the WebSocket handshake was refused');
  return stream;
}

/** The handshake failed and its answer has been sent. */
export class WebsocketRefused extends Error {}

/** Takes the 8-byte heads off the frames of a container's output: a WebSocket carries bare bytes. */
export class Unframe extends Transform {
  #head = Buffer.alloc(0);
  #left = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left === 0) {
        const missing = 8 - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#head.length < 8) break;
        this.#left = this.#head.readUInt32BE(4);
        this.#head = Buffer.alloc(0);
        continue;
      }
      const part = rest.subarray(0, this.#left);
      this.push(part);
      this.#left -= part.length;
      rest = rest.subarray(part.length);
    }
    callback();
  }
}
