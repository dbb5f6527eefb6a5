import { chownSync } from 'node:fs';
import type { Server } from 'node:http';
import { unavailable } from '../../../base/index.ts';

export interface TlsMaterial {
  readonly key: string | Buffer;
  readonly certificate: string | Buffer;
  /** Clients must show a certificate of this authority; undefined: none is asked for. */
  readonly clientAuthority: string | Buffer | undefined;
}

/** Where to answer. A unix socket's path must be free: the daemon removes what a crash left. */
export type ListenTarget =
  | { readonly kind: 'unix'; readonly path: string; readonly groupId?: number }
  | { readonly kind: 'descriptor'; readonly descriptor: number }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: TlsMaterial | undefined };

export interface Listener {
  /** "unix:///run/corten/corten.sock", "tcp://127.0.0.1:2376", "fd://3" */
  readonly address: string;
  /** Stops answering and cuts what is open. Idempotent. */
  close(): Promise<void>;
}

function addressText(server: Server, target: ListenTarget): string {
  switch (target.kind) {
    case 'unix':
      return `unix://${target.path}`;
    case 'descriptor':
      return `fd://${target.descriptor}`;
    case 'tcp': {
      const address = server.address();
      // A port of 0 was chosen by the kernel.
      const port = typeof address === 'object' && address !== null ? address.port : target.port;
      return `tcp://${target.host.includes(':') ? `[${target.host}]` : target.host}:${port}`;
    }
    default:
      return target satisfies never;
  }
}

/** Binds a server. @throws unavailable `listen-failed` */
export async function bind(server: Server, target: ListenTarget): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => {
      const where =
        target.kind === 'unix'
          ? target.path
          : target.kind === 'tcp'
            ? `${target.host}:${target.port}`
            : `descriptor ${target.descriptor}`;
      reject(unavailable('listen-failed', `cannot listen at ${where}`, { cause: error }));
    };
    server.once('error', failed);
    const listening = (): void => {
      server.off('error', failed);
      resolve();
    };
    switch (target.kind) {
      case 'unix': {
        // bind(2) happens within listen(): the socket is never there with wider permissions than these.
        const previous = process.umask(target.groupId === undefined ? 0o177 : 0o117);
        try {
          server.listen(target.path, listening);
        } finally {
          process.umask(previous);
        }
        break;
      }
      case 'descriptor':
        server.listen({ fd: target.descriptor }, listening);
        break;
      case 'tcp':
        server.listen(target.port, target.host, listening);
        break;
      default:
        target satisfies never;
    }
  });
  if (target.kind === 'unix' && target.groupId !== undefined) chownSync(target.path, 0, target.groupId);
  return addressText(server, target);
}
