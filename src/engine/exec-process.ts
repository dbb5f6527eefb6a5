import { detach } from '../base/index.ts';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OciRuntimeConfiguration } from '../runtime/types.ts';
import type { AttachedClient, ContainerProcess, RunningContainer } from '../runtime/types.ts';
import type { ContainerEntry } from './container-entry.ts';
import type { EngineContext } from './context.ts';
import { buildExecProcess } from './oci-configuration.ts';
import { withProcessRoot } from './root-files.ts';
import type { ExecConfiguration } from './types.ts';

/** exec-root/execs: one short-named directory a process, since a unix socket's path has 107 bytes. */
export const execsDirectory = ({ execRoot }: { readonly execRoot: string }): string => join(execRoot, 'execs');

/** Starts one more process in a running container. Its state directory goes when its monitor has gone. */
export async function launchExec(
  context: EngineContext,
  entry: ContainerEntry,
  container: RunningContainer,
  running: OciRuntimeConfiguration,
  request: { readonly exec: ExecConfiguration; readonly attachments: readonly AttachedClient[] },
): Promise<ContainerProcess> {
  const { exec, attachments } = request;
  const id = randomBytes(8).toString('hex');
  const directory = join(execsDirectory(context), id);
  const ociProcess = withProcessRoot(container.record.pid, (readRootFile) =>
    buildExecProcess({ container: entry.view(), running, exec, readRootFile }),
  );
  const process = await container.exec({
    id,
    process: ociProcess,
    stateDirectory: directory,
    openStdin: exec.attachStdin,
    attachments,
    privileged: exec.privileged,
  });
  detach(
    context.log,
    `releasing a process of container ${entry.id}`,
    process.released.then(() => rm(directory, { recursive: true, force: true })),
  );
  return process;
}
