import type { Client } from '../api/client.ts';

/** Rows and columns of the local terminal; undefined without one. */
export function terminalSize(): readonly [number, number] | undefined {
  const { stdout } = process;
  return stdout.isTTY && stdout.rows > 0 ? [stdout.rows, stdout.columns] : undefined;
}

/** Gives the container's (or exec's) terminal the size of the local one, now and whenever that changes. */
export function followTerminalSize(client: Client, path: string): () => void {
  const resize = (): void => {
    const size = terminalSize();
    if (size === undefined) return;
    // A process that has ended has no size; whatever else fails, the session itself will say.
    client.send('POST', `${path}/resize`, { query: { h: size[0], w: size[1] } }).catch(() => undefined);
  };
  resize();
  process.on('SIGWINCH', resize);
  return () => {
    process.off('SIGWINCH', resize);
  };
}
