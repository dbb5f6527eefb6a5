import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { describeError, detach, invalidArgument, type Log, unavailable } from '../base/index.ts';
import { aptMirrors, aptProxies } from './apt-configuration.ts';
import { cancelled } from './single-layer.ts';
import type { ReportProgress } from './types.ts';

const program = 'mmdebstrap';

/** Lines of a failed run that are worth telling. */
const rememberedLines = 12;

/**
 * The tar of a minimal Debian root, as mmdebstrap writes it: made from the mirror that this machine's apt uses, by
 * apt's own configuration (proxies, keys, sources). Aborting the signal ends mmdebstrap and what it started.
 */
export async function* debianRoot(
  suite: string,
  report: ReportProgress,
  signal: AbortSignal,
  log: Log,
): AsyncGenerator<Buffer> {
  if (!/^[a-z][a-z0-9-]*$/.test(suite)) throw invalidArgument('invalid-suite', `"${suite}" is no Debian suite`);
  const args = ['--variant=minbase', '--format=tar', '--mode=root', suite, '-', ...(await aptMirrors(suite, signal))];
  report({ status: `Running ${program} ${suite}` });
  // A process group of its own, so that a cancelled run ends with all its children (apt, dpkg).
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: await environment(signal),
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.trim() === '') return;
    lines.push(line);
    if (lines.length > rememberedLines) lines.shift();
    report({ status: line });
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
  });
  // Awaited below; a failure to start must not be an unhandled rejection while the output is read.
  ended.catch(() => undefined);
  const kill = (): void => killGroup(child.pid, log);
  signal.addEventListener('abort', kill, { once: true });
  try {
    for await (const chunk of child.stdout) yield asBuffer(chunk);
    await checkEnd(ended, lines, signal);
  } finally {
    signal.removeEventListener('abort', kill);
    if (child.exitCode === null && child.signalCode === null) kill();
    detach(
      log,
      program,
      finished(child.stdout).catch(() => undefined),
    );
  }
}

async function checkEnd(ended: Promise<number>, lines: readonly string[], signal: AbortSignal): Promise<void> {
  let code: number;
  try {
    code = await ended;
  } catch (error) {
    throw unavailable('mmdebstrap-missing', `${program} cannot be run: ${describeError(error)}`, {
      hint: `install the package ${program}`,
    });
  }
  if (signal.aborted) throw cancelled(signal);
  if (code === 0) return;
  const errors = lines.filter((line) => line.startsWith('E: '));
  const said = (errors.length > 0 ? errors : lines).map((line) => line.replace(/^E: /, ''));
  throw unavailable('bootstrap-failed', `${program} failed with status ${code}: ${said.join('; ')}`, {
    hint: 'check that the package mirror of this machine can be reached (apt-get update)',
  });
}

function killGroup(pid: number | undefined, log: Log): void {
  if (pid === undefined) return;
  try {
    // mmdebstrap removes its temporary directory on SIGTERM.
    process.kill(-pid, 'SIGTERM');
  } catch (error) {
    log.debug({ err: error }, `${program} had ended`);
  }
}

/** Only what the tools need: nothing of the daemon's own environment ends up in the image's build. */
async function environment(signal: AbortSignal): Promise<NodeJS.ProcessEnv> {
  const kept = [
    'http_proxy',
    'https_proxy',
    'ftp_proxy',
    'no_proxy',
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'NO_PROXY',
    'TMPDIR',
  ];
  const environment: NodeJS.ProcessEnv = {
    ...(await aptProxies(signal)),
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
    // Layers and images of one day are equal when the mirror is.
    SOURCE_DATE_EPOCH: String(Math.floor(Date.now() / 86_400_000) * 86_400),
  };
  for (const name of kept) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

function asBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  throw new TypeError('a pipe gave something other than bytes');
}
