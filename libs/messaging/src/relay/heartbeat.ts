import { randomUUID } from 'node:crypto';
import type { Heartbeat } from '@rebelcore/contracts/heartbeat';
import type { Admin, Kafka } from 'kafkajs';
import { disconnected, within } from '../deadline.js';
import { cancellableClient } from '../kafka-client.js';
import type { Publisher } from '../publish/publisher.js';

/** What a round of the relay knows once its rows are acknowledged. */
export interface Round {
  /** The moment of the statement that read. */
  readonly at: Date;
  /** The highest id that the statement saw. */
  readonly newest: bigint | undefined;
  readonly publishedUpTo: bigint;
  readonly empty: boolean;
}

interface RelayHeartbeatOptions {
  readonly topic: string;
  readonly everyMs: number;
  readonly topics: readonly string[];
  readonly kafka: Kafka;
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
  private unproven: { at: Date; newest: bigint | undefined } | undefined;
  private nextAt = 0;
  private publishing: Promise<void> | undefined;
  private connecting: Promise<Admin> | undefined;
  private admin: Admin | undefined;
  private lastPublished: Date | undefined;
  private stopped = false;

  constructor(private readonly options: RelayHeartbeatOptions) {}

  /** Begins a heartbeat in the background when one is due and the round proves a moment. */
  afterRound({ at, newest, publishedUpTo, empty }: Round): void {
    if (Date.now() < this.nextAt || this.publishing !== undefined) return;
    this.unproven ??= { at, newest };
    const proven = empty || this.unproven.newest === undefined || publishedUpTo >= this.unproven.newest;
    if (!proven) return;
    const moment = this.unproven.at;
    this.unproven = undefined;
    this.nextAt = Date.now() + this.options.everyMs;
    this.publishing = this.publish(moment)
      .catch((error: unknown) => {
        this.options.onError(error);
      })
      .finally(() => {
        this.publishing = undefined;
      });
  }

  lastAt(): Date | undefined {
    return this.lastPublished;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.publishing;
    if (this.admin !== undefined) await disconnected(this.admin.disconnect());
  }

  /**
   * The offsets are read from the broker after the rows were acknowledged: they cover also what an earlier leader
   * published, and asking for more than needed only makes a reader look older.
   */
  private async publish(at: Date): Promise<void> {
    const published = await within(
      TIMEOUT_MS,
      this.endOffsets(),
      () => new Error('Kafka did not tell its end offsets in time'),
    );
    const heartbeat: Heartbeat = { at: at.toISOString(), published };
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

  private async endOffsets(): Promise<Record<string, string[]>> {
    this.connecting ??= this.connect();
    try {
      const admin = await this.connecting;
      const published: Record<string, string[]> = {};
      for (const topic of this.options.topics) {
        const ends = await admin.fetchTopicOffsets(topic);
        published[topic] = ends.toSorted((a, b) => a.partition - b.partition).map(({ high }) => high);
      }
      return published;
    } catch (error) {
      const { admin } = this;
      this.admin = undefined;
      this.connecting = undefined;
      if (admin !== undefined) await disconnected(admin.disconnect());
      throw error;
    }
  }

  private async connect(): Promise<Admin> {
    // The next heartbeat is another try, and begins with another broker.
    const admin = cancellableClient(this.options.kafka, () => !this.stopped).admin({ retry: { retries: 1 } });
    await admin.connect();
    this.admin = admin;
    return admin;
  }
}
