import { randomUUID } from 'node:crypto';
import { identityEvents } from '@rebelcore/contracts/identity-events';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import type { Consumer } from 'kafkajs';

/** Where and when one event stands in the topic; times are Unix milliseconds. */
export interface PublishedAt {
  readonly partition: number;
  readonly offset: string;
  readonly recordedAt: number;
  readonly publishedAt: number;
}

/** A downstream subscriber of `identity.events.v1`, with its own Kafka principal, that notes deactivations. */
export class DeactivationWatch {
  private readonly seen = new Map<string, PublishedAt>();
  private readonly waiting = new Map<string, (event: PublishedAt) => void>();

  private constructor(private readonly consumer: Consumer) {}

  static async start(connection: {
    brokers: string[];
    subscriber: { username: string; password: string };
  }): Promise<DeactivationWatch> {
    const kafka = createKafka({ brokers: connection.brokers, clientId: 'tour', sasl: connection.subscriber });
    const consumer = kafka.consumer({ groupId: `subscriber.tour-${randomUUID()}`, maxWaitTimeInMs: 200 });
    const watch = new DeactivationWatch(consumer);
    await consumer.connect();
    await consumer.subscribe({ topic: 'identity.events.v1', fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: ({ partition, message }) => {
        const event = identityEvents.read(message);
        if (event.name === 'ApiUserDeactivated') {
          watch.note(event.data.apiUserId, {
            partition,
            offset: message.offset,
            recordedAt: Date.parse(event.time),
            publishedAt: Number(message.timestamp),
          });
        }
        return Promise.resolve();
      },
    });
    return watch;
  }

  /** Resolves once the deactivation of this API user has been read from the topic. */
  published(apiUserId: string): Promise<PublishedAt> {
    const seen = this.seen.get(apiUserId);
    return seen ? Promise.resolve(seen) : new Promise((resolve) => this.waiting.set(apiUserId, resolve));
  }

  stop(): Promise<void> {
    return this.consumer.disconnect();
  }

  private note(apiUserId: string, event: PublishedAt): void {
    this.seen.set(apiUserId, event);
    this.waiting.get(apiUserId)?.(event);
  }
}
