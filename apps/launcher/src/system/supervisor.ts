import { setTimeout as delay } from 'node:timers/promises';
import type { ManagedProcess } from '@rebelcore/embedded/processes';

/** A process of the system that can be started again. */
export interface Part {
  readonly name: string;
  readonly process: ManagedProcess;
  /** Resolves when it works again. */
  restart(): Promise<void>;
}

interface Reports {
  readonly say: (line: string) => void;
  /** Told why the system cannot go on. */
  readonly gaveUp: (reason: string) => void;
}

const RESTARTS = 4;
const WINDOW_MS = 120_000;
const SILENCE_MS = 10_000;

/** Starts again whatever ends by itself, until one part has ended too often within two minutes. */
export class Supervisor {
  private readonly ends = new Map<string, number[]>();

  constructor(private readonly reports: Reports) {}

  async restart(part: Part): Promise<void> {
    const { name, process: ended } = part;
    const how = await ended.exited;
    const stopping = () => ended.askedToStop;
    for (let cause = `ended unexpectedly (${how.signal ?? `status ${how.code ?? 'unknown'}`})`; ;) {
      const now = performance.now();
      const recent = [...(this.ends.get(name) ?? []).filter((at) => now - at < WINDOW_MS), now];
      this.ends.set(name, recent);
      if (recent.length > RESTARTS) {
        this.reports.gaveUp(
          `${name} ${cause} after ${RESTARTS} new starts within two minutes, so everything is being stopped and the data kept; ` +
            part.process.lastWords(),
        );
        return;
      }
      this.reports.say(`${name} ${cause}; it is started again (${recent.length} of ${RESTARTS}).`);
      // What it held, shared memory and locks, may take a moment to be let go.
      await delay(100 * 2 ** recent.length);
      if (stopping()) return;
      const waiting = setInterval(() => {
        this.reports.say(`Waiting for ${name}; its log is ${part.process.log}.`);
      }, SILENCE_MS);
      try {
        await part.restart();
        this.reports.say(`${name} runs again.`);
        return;
      } catch (error) {
        if (stopping()) return;
        // Without the last words, which follow where it is given up.
        cause = `could not be started: ${(error as Error).message.split(/;|\n/)[0] ?? ''}`;
      } finally {
        clearInterval(waiting);
      }
    }
  }
}
