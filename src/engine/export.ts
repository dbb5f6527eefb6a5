import type { Readable } from 'node:stream';
import { tarTreeStream } from '../image/index.ts';
import type { Snapshots } from '../image/types.ts';
import { hasErrno, openFlags, openProcessRoot } from '../kernel/index.ts';
import type { Container } from './types.ts';

export interface ExportDependencies {
  readonly snapshots: Pick<Snapshots, 'openMerged'>;
}

/**
 * The root file system of a container as a tar stream; what is mounted into it (volumes, /proc, …) appears as empty mount points, as
 * in Docker's export. Of a running container it is what the process sees, files that change meanwhile included.
 */
export function exportContainer({ snapshots }: ExportDependencies, { id, state }: Container): Readable {
  return tarTreeStream(openRunningRoot(state.pid) ?? snapshots.openMerged(id));
}

/** undefined when the process does not run, or has just ended. */
function openRunningRoot(pid: number): number | undefined {
  if (pid <= 0) return undefined;
  try {
    using root = openProcessRoot(pid);
    return root.open('.', openFlags.readOnly | openFlags.directory);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
