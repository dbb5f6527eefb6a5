import { errnoName } from './errno.ts';

export interface KernelErrorDetails {
  /** The system call, e.g. "mount". */
  readonly call: string;
  readonly errno: number;
  /** What it was about: a path, a link name, a cgroup file. */
  readonly subject?: string | undefined;
  /** Said where the kernel's errno misleads, e.g. ENOSPC from mount is a limit of mounts, not a full disk. */
  readonly hint?: string | undefined;
}

/** A failed system call. Layers above translate it; `code` holds the errno's name as Node's own errors do. */
export class KernelError extends Error {
  readonly call: string;
  readonly errno: number;
  readonly code: string;
  readonly subject: string | undefined;
  readonly hint: string | undefined;

  constructor(details: KernelErrorDetails) {
    const code = errnoName(details.errno);
    const subject = details.subject === undefined ? '' : ` ${details.subject}`;
    super(`${details.call}${subject}: ${code}${details.hint === undefined ? '' : ` (${details.hint})`}`);
    this.name = 'KernelError';
    this.call = details.call;
    this.errno = details.errno;
    this.code = code;
    this.subject = details.subject;
    this.hint = details.hint;
  }
}

/** Whether `error` is a failed call (of ours or of node:fs) with one of these errno names. */
export function hasErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}
