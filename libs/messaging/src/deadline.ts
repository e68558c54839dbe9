/**
 * The work's result, or after `ms` milliseconds a rejection with what `late` makes. The work itself goes on, and its
 * own rejection is then nobody's business.
 *
 * Not p-timeout: it costs ten times as much for each publish and each look-up, and refuses a time that is over already.
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const expire = () => {
      reject(late());
    };
    timer = setTimeout(expire, Math.max(0, ms));
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for a kafkajs disconnect, but not for ever: kafkajs waits for the answers still open and at the same time stops
 * watching their time limit, so with a broker that stands still it would never end.
 */
export async function disconnected(work: Promise<unknown>): Promise<void> {
  await within(3_000, work, () => new Error('the connection did not close in time')).catch(() => undefined);
}
