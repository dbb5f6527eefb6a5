import { Socket } from 'node:net';
import { socketPair } from '../kernel/index.ts';
import { attachmentOf } from './monitor-socket.ts';
import type { AttachedClient, Attachment, AttachOptions } from './types.ts';

/**
 * A connection that exists before its process does, so that the first byte is not missed: `client` goes into a launch, and its
 * descriptor is closed by the caller once that returned; `attachment` is the other end.
 */
export function pairAttachment(options: AttachOptions): {
  readonly client: AttachedClient;
  readonly attachment: Attachment;
} {
  const [ours, theirs] = socketPair();
  const socket = new Socket({ fd: ours, readable: true, writable: true, allowHalfOpen: true });
  return { client: { ...options, descriptor: theirs }, attachment: attachmentOf(socket) };
}
