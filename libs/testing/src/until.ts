import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits for a condition, looking every 10 ms, and returns the first truthy answer.
 *
 * @param description completes "waited for …": what a person reads when it never came
 * @throws after `timeoutMs`, with the description and the last error of the condition
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  description: string,
  timeoutMs = 15_000,
): Promise<Exclude<Awaited<T>, false | undefined | null>> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await condition();
      if (answer) return answer as Exclude<Awaited<T>, false | undefined | null>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`waited ${String(timeoutMs)} ms for ${description}`, { cause: lastError });
    }
    await delay(10);
  }
}
