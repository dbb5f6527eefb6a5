import type { UnpackLimits } from './layer-writer.ts';
import type { FilesystemChange } from './types.ts';

export interface UnpackTask {
  readonly kind: 'unpack';
  /** Path of the blob, whose bytes are known to have this digest. */
  readonly blob: string;
  readonly blobDigest: string;
  /** An empty directory; its owner, mode and times become those of the layer's root. */
  readonly directory: string;
  readonly limits: UnpackLimits;
}

export interface Unpacked {
  readonly diffId: string;
  /** Bytes of all files. */
  readonly size: number;
  /** The layer hides everything below it. */
  readonly opaqueRoot: boolean;
}

export interface RemoveTreeTask {
  readonly kind: 'remove-tree';
  readonly parent: string;
  readonly name: string;
}

export interface UsageTask {
  readonly kind: 'usage';
  readonly directory: string;
}

export interface ChangesTask {
  readonly kind: 'changes';
  readonly upper: string;
  /** Topmost first. */
  readonly lower: readonly string[];
}

export interface SyncTask {
  readonly kind: 'sync';
  readonly directory: string;
}

/** Work that blocks on the disk, and what it results in. Done in a worker thread. */
export interface TaskResults {
  readonly unpack: Unpacked;
  readonly 'remove-tree': undefined;
  readonly usage: number;
  readonly changes: readonly FilesystemChange[];
  readonly sync: undefined;
}

export type Task = UnpackTask | RemoveTreeTask | UsageTask | ChangesTask | SyncTask;

export interface TaskRequest {
  readonly id: number;
  readonly task: Task;
}

/** An error as it crosses threads. */
export interface TaskFailure {
  readonly kind: string | undefined;
  readonly code: string | undefined;
  readonly message: string;
}

export type TaskReply =
  | { readonly id: number; readonly result: TaskResults[Task['kind']] }
  | { readonly id: number; readonly failure: TaskFailure };
