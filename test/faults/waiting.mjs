import { setTimeout as delay } from 'node:timers/promises';

export const seconds = (n) => delay(n * 1000);

/** Waits for a condition, looking every 100 ms; fails after `timeoutMs` with what it waited for:
 * `description`, or what it answers then. */
export async function until(condition, description, timeoutMs = 60_000) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const answer = await condition();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`waited ${timeoutMs} ms for ${typeof description === 'string' ? description : description()}`, {
        cause: last,
      });
    await delay(100);
  }
}
