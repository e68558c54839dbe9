import type { Pool } from 'pg';

/** How waiting for a sequence ended: `far` when it is further ahead than anybody may wait for, `crowded` with too many waiting. */
export type Waited = 'reached' | 'behind' | 'far' | 'crowded';

interface Wait {
  readonly key: string;
  readonly sequence: number;
  readonly settle: (outcome: Waited) => void;
  readonly fail: (error: unknown) => void;
}

/** At a time and key: whoever has more readers than that may wait in its own house. */
const MOST_PER_KEY = 64;
/** What a key may be ahead of the view while somebody waits. Further ahead lies what was never written, or an outage. */
const FURTHEST_AHEAD = 1_000;
const POLL_INTERVAL_MS = 20;

/**
 * Those who wait until the sequenced keys of one topic have come to a sequence. However many they are, they ask with one query
 * at a time, and each key has its bound.
 */
export class SequenceWaits {
  private readonly waits = new Map<string, Set<Wait>>();
  private polling = false;
  private pollNow: () => void = () => undefined;

  constructor(
    private readonly pool: Pool,
    private readonly view: string,
    private readonly topic: string,
  ) {}

  /** @throws what the database throws */
  async until(key: string, sequence: number, timeoutMs: number): Promise<Waited> {
    if ((this.waits.get(key)?.size ?? 0) >= MOST_PER_KEY) return 'crowded';
    const { promise, resolve, reject } = Promise.withResolvers<Waited>();
    const timer = setTimeout(resolve, timeoutMs, 'behind');
    const wait = { key, sequence, settle: resolve, fail: reject };
    const ofKey = this.waits.get(key) ?? new Set();
    this.waits.set(key, ofKey.add(wait));
    if (this.polling) this.pollNow();
    else void this.poll();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      ofKey.delete(wait);
      if (ofKey.size === 0 && this.waits.get(key) === ofKey) this.waits.delete(key);
    }
  }

  /** To be called when this process has committed something; what other replicas commit is found by asking. */
  look(): void {
    this.pollNow();
  }

  private async poll(): Promise<void> {
    this.polling = true;
    while (this.waits.size > 0) {
      const next = this.untilNextPoll();
      await this.settleReached();
      if (this.waits.size > 0) await next;
    }
    this.polling = false;
  }

  private async settleReached(): Promise<void> {
    const asking = [...this.waits.values()].flatMap((ofKey) => [...ofKey]);
    try {
      const { rows } = await this.pool.query<{ key: string; sequence: string }>({
        name: 'sequence.waits',
        text: 'select key, sequence from applied_sequence where view = $1 and topic = $2 and key = any($3::text[])',
        values: [this.view, this.topic, [...this.waits.keys()]],
      });
      const applied = new Map(rows.map(({ key, sequence }) => [key, Number(sequence)]));
      for (const { key, sequence, settle } of asking) {
        const reached = applied.get(key) ?? 0;
        if (reached >= sequence) settle('reached');
        else if (sequence - reached > FURTHEST_AHEAD) settle('far');
      }
    } catch (error) {
      for (const { fail } of asking) fail(error);
    }
    // Those that were settled leave before anybody looks whether one is left.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Set up before a poll, so that nobody who comes meanwhile is missed. */
  private untilNextPoll(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_INTERVAL_MS);
      this.pollNow = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
