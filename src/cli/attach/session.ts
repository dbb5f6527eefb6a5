import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Hijacked } from '../api/client.ts';
import { FrameSplitter } from '../api/frames.ts';
import { CommandFailure } from '../failure.ts';
import { writeAll } from '../format/output.ts';
import { DetachScanner } from './detach-keys.ts';

export interface SessionOptions {
  /** The container has a terminal: its output is raw, and a local terminal goes into raw mode. */
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly detachKeys: Uint8Array;
}

/** A terminal's line editing and signals are for the process inside, not for this one. */
function rawMode(): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  stdin.setRawMode(true);
  // Node's raw mode still writes a carriage return before each line feed; the container's terminal has done that already.
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  const restore = (): void => {
    stdin.setRawMode(false);
  };
  // A failure anywhere must not leave the user's shell without echo.
  process.once('exit', restore);
  return () => {
    process.off('exit', restore);
    restore();
  };
}

/** Copies stdin to the container until it ends; resolves with true when the detach keys were typed. */
async function sendInput(hijacked: Hijacked, scanner: DetachScanner | undefined): Promise<boolean> {
  const { stream } = hijacked;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk);
    const { passed, detached } = scanner?.push(bytes) ?? { passed: bytes, detached: false };
    if (passed.length > 0 && !stream.destroyed && !stream.write(passed)) {
      await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
    }
    if (detached) return true;
    if (stream.destroyed || !stream.writable) return false;
  }
  // Only our half: output goes on until the other side ends it.
  if (!stream.destroyed) stream.end();
  return false;
}

function receiveOutput(hijacked: Hijacked, tty: boolean): Promise<void> {
  const splitter = new FrameSplitter(writeAll);
  const receive = (data: Uint8Array): void => (tty ? writeAll(1, data) : splitter.push(data));
  return new Promise((resolve, reject) => {
    if (hijacked.head.length > 0) receive(hijacked.head);
    hijacked.stream.on('data', receive);
    hijacked.stream.on('end', resolve);
    hijacked.stream.on('close', resolve);
    hijacked.stream.on('error', (error: Error & { code?: string }) => {
      // The daemon drops the connection when the process is gone, with input still on its way: that is an end.
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve();
      else reject(new CommandFailure(`the connection to the container broke: ${error.message}`));
    });
  });
}

/** Joins this process's streams with the container's until its output ends or the user detaches. */
export async function runSession(hijacked: Hijacked, options: SessionOptions): Promise<'ended' | 'detached'> {
  const output = receiveOutput(hijacked, options.tty);
  if (!options.stdin) {
    await output;
    return 'ended';
  }
  const local = process.stdin.isTTY && options.tty;
  const restore = local ? rawMode() : () => undefined;
  const scanner = local ? new DetachScanner(options.detachKeys) : undefined;
  try {
    const detached = new Promise<boolean>((resolve, reject) => {
      sendInput(hijacked, scanner).then((typed) => {
        if (typed) resolve(true);
      }, reject);
    });
    const result = await Promise.race([output.then(() => false), detached]);
    return result ? 'detached' : 'ended';
  } finally {
    restore();
    hijacked.stream.destroy();
    process.stdin.pause();
  }
}
