import { randomUUID } from 'node:crypto';
import type { Heartbeat } from '@rebelcore/contracts/heartbeat';
import type { Publisher } from '../publish/publisher.js';
import type { TopicFacts } from '../topic-facts.js';

/** What a round of the relay knows once its rows are acknowledged. */
export interface Round {
  /** The moment of the statement that read. */
  readonly at: Date;
  /** The highest id that the statement saw. */
  readonly newest: bigint | undefined;
  readonly publishedUpTo: bigint;
  readonly empty: boolean;
  /** The store and its position at that moment. */
  readonly store: Heartbeat['store'];
}

interface RelayHeartbeatOptions {
  readonly topic: string;
  readonly everyMs: number;
  /** What the topics are now, once they are known to hold what was published. */
  readonly topics: () => Promise<readonly TopicFacts[]>;
  /** How many events the store holds now. */
  readonly grownTo: () => Promise<string>;
  readonly publisher: Publisher;
  readonly name: string;
  readonly onError: (error: unknown) => void;
}

const TIMEOUT_MS = 3_000;

/**
 * States on the heartbeat topic up to which moment everything committed is published. Rows are published from the
 * lowest id, so once the ids up to the highest of a moment are done, everything that moment saw is done, however much
 * has come since.
 */
export class RelayHeartbeat {
  /** The moment that the next heartbeat states, once all that it saw is published. */
  private unproven: Pick<Round, 'at' | 'newest' | 'store'> | undefined;
  private nextAt = 0;
  private publishing: Promise<void> | undefined;
  private lastPublished: Date | undefined;

  constructor(private readonly options: RelayHeartbeatOptions) {}

  /** Begins a heartbeat in the background when one is due and the round proves a moment. */
  afterRound({ at, newest, publishedUpTo, empty, store }: Round): void {
    if (performance.now() < this.nextAt || this.publishing !== undefined) return;
    this.unproven ??= { at, newest, store };
    const proven = empty || this.unproven.newest === undefined || publishedUpTo >= this.unproven.newest;
    if (!proven) return;
    const moment = this.unproven;
    this.unproven = undefined;
    this.nextAt = performance.now() + this.options.everyMs;
    this.publishing = this.publish(moment)
      .catch((error: unknown) => {
        this.options.onError(error);
      })
      .finally(() => {
        this.publishing = undefined;
      });
  }

  /** States nothing about a moment that a round has told of before. */
  forget(): void {
    this.unproven = undefined;
  }

  lastAt(): Date | undefined {
    return this.lastPublished;
  }

  async stop(): Promise<void> {
    await this.publishing;
  }

  /**
   * The offsets are read from the broker after the rows were acknowledged: they cover also what an earlier leader
   * published, and asking for more than needed only makes a reader look older.
   */
  private async publish({ at, store }: Pick<Round, 'at' | 'store'>): Promise<void> {
    const facts = await this.options.topics();
    const grownTo = await this.options.grownTo();
    const heartbeat: Heartbeat = {
      at: at.toISOString(),
      store: { ...store, grownTo },
      incarnations: Object.fromEntries(facts.map(({ topic, incarnation }) => [topic, incarnation])),
      published: Object.fromEntries(
        facts.map(({ topic, partitions }) => [topic, partitions.map(({ high }) => String(high))]),
      ),
    };
    const headers = {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: randomUUID(),
      ce_source: `/${this.options.name}`,
      ce_type: `rebelcore.${this.options.name}.Heartbeat.v1`,
      ce_time: heartbeat.at,
      ce_subject: this.options.name,
    };
    await this.options.publisher.publish(
      [{ topic: this.options.topic, key: this.options.name, headers, value: JSON.stringify(heartbeat) }],
      { timeoutMs: TIMEOUT_MS },
    );
    this.lastPublished = at;
  }
}
