import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { CortenError, describeError } from '../base/index.ts';
import { parseCommandLine } from './command-line.ts';
import { loadOptions } from './configuration.ts';
import { Daemon } from './daemon.ts';
import { createLogger } from './logger.ts';
import type { RawOptions } from './options.ts';

/** src/daemon and dist/daemon are equally deep below the checkout. */
const checkout = join(import.meta.dirname, '../..');

function version(): string {
  const manifest = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { readonly version: string };
  return manifest.version;
}

/** One line for people: what, why, and what to do. */
function complain(error: unknown): void {
  const hint = error instanceof CortenError && error.hint !== undefined ? `\n  hint: ${error.hint}` : '';
  process.stderr.write(`cortend: ${describeError(error)}${hint}\n`);
}

async function run(flags: RawOptions): Promise<void> {
  const options = loadOptions(flags);
  const log = createLogger(options.logLevel, options.logFormat);
  const daemon = new Daemon({ options, log, checkout, version: version() });

  // Whatever slips through must not take the daemon down with the containers' API: it is logged, loudly.
  process.on('unhandledRejection', (error) =>
    log.error({ err: error }, `unhandled rejection: ${describeError(error)}`),
  );
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, `uncaught exception: ${describeError(error)}`);
    // State is crash-only: a fresh start is safer than going on in an unknown one. Containers survive it.
    process.exit(70);
  });

  await daemon.start();
  // Now, since a kill -9 would leave the next start without it.
  flushCompileCache();

  process.on('SIGHUP', () => {
    try {
      const reloaded = loadOptions(flags);
      log.level = reloaded.logLevel;
      daemon.reload(reloaded);
    } catch (error) {
      log.error({ err: error }, `the configuration was not reloaded: ${describeError(error)}`);
    }
  });
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping; containers go on');
    daemon.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, `stopping failed: ${describeError(error)}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

try {
  await run(parseCommandLine(process.argv.slice(2), version()));
} catch (error) {
  // commander has already said what was wrong; help and version are no failure.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  complain(error);
  process.exit(1);
}
