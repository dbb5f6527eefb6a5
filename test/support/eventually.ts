import { setTimeout as delay } from 'node:timers/promises';

/**
 * For conditions that announce themselves by no event that a test could wait for (a socket that begins to answer):
 * looks again every few milliseconds until `condition` is true, and fails at the deadline.
 */
export async function eventually(
  condition: () => Promise<boolean> | boolean,
  deadlineMs: number,
  what = 'the condition',
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${deadlineMs} ms`);
    await delay(10);
  }
}
