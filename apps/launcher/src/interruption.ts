import { environment } from './launcher.config.js';

interface Interruption {
  /** The system is to end in order. */
  readonly first: () => void;
  /** It is to end at once. */
  readonly insisting: () => void;
  /** Something was thrown that nobody expected. */
  readonly failed: (error: unknown) => void;
}

/** Somebody who presses Ctrl-C again takes longer than a signal does that comes on several ways. */
const SAME_MS = 1_500;

/**
 * Whatever asks this process to end: a signal to it, to one of its parents or to all at once, its terminal closed, its
 * reader gone, its parent dead. One request may arrive several times and counts once; only Ctrl-C insists.
 */
export function onInterruption({ first, insisting, failed }: Interruption): void {
  let since: number | undefined;
  const interrupt = (signal?: string) => {
    const now = performance.now();
    if (since === undefined) {
      since = now;
      first();
    } else if (signal === 'SIGINT' && now - since > SAME_MS) {
      insisting();
    }
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  process.on('SIGHUP', () => {
    if (environment.HANGUP !== 'ignored') interrupt();
  });
  // Closed with prepare.mjs, however that ended.
  process.on('disconnect', interrupt);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      interrupt();
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, failed);
}
