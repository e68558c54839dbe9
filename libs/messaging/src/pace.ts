/**
 * Waits for the next turn of the event loop, so that all that was read together is there, and at least until `notBefore`
 * (milliseconds, as `performance.now()` counts them; timers are exact to about one).
 */
export function nextTurn(notBefore: number): Promise<void> {
  const pause = notBefore - performance.now();
  return new Promise((resolve) => {
    if (pause > 0) setTimeout(resolve, pause);
    else setImmediate(resolve);
  });
}
