import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { BaseRpcContext, Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { isObservable, lastValueFrom, throwError, type Observable } from 'rxjs';
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchHandler, ConsumerStatus } from './batch-consumer.js';
import { TopicPatterns } from './topic-patterns.js';
import { KafkaBatchConsumer, type KafkaBatchConsumerOptions } from './kafka-batch-consumer.js';

const JOIN_AGAIN_MS = 500;
const LOOK_FOR_TOPICS_EVERY_MS = 10_000;

export interface KafkaBatchStrategyOptions extends Omit<KafkaBatchConsumerOptions, 'handlers' | 'onCrash'> {
  /** How often to look for topics that match a pattern and are new. Milliseconds, default 10 s. */
  readonly lookForTopicsEveryMs?: number | undefined;
}

/**
 * Delivers batches to `@EventPattern('<topic>')` handlers; the payload is a `ReceivedBatch`. Nest's own `ServerKafka`
 * hands over single messages, retries every error for ever and keeps the offsets in Kafka.
 *
 * In a pattern `*` stands for one part of a name: `api.calls.*.v1` for the topics of all APIs, also of those that are made
 * while the service runs.
 *
 * Listening does not wait for Kafka: the service starts, and its health tells when the group is joined.
 */
export class KafkaBatchStrategy extends Server implements CustomTransportStrategy {
  private consumer: KafkaBatchConsumer | undefined;
  private readonly closing = new AbortController();

  constructor(private readonly options: KafkaBatchStrategyOptions) {
    super();
  }

  listen(callback: () => void): void {
    const handlers = new Map<string, BatchHandler>();
    for (const [topic, handler] of this.messageHandlers) {
      handlers.set(topic, async (batch) => {
        const result: unknown = await handler(batch, new BaseRpcContext([batch.topic, batch.partition]));
        if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
      });
    }
    if (handlers.size > 0) void this.join(handlers);
    callback();
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.consumer?.stop();
  }

  /** A consumer that cannot go on is replaced: a connection lost during a login, for one, is a final error to kafkajs. */
  private async join(patterns: ReadonlyMap<string, BatchHandler>): Promise<void> {
    const topics = new TopicPatterns(this.options.kafka, patterns);
    while (!this.isClosing()) {
      const ended = Promise.withResolvers<never>();
      const ending = new AbortController();
      let consumer: KafkaBatchConsumer | undefined;
      try {
        const handlers = await topics.resolve();
        consumer = new KafkaBatchConsumer({ ...this.options, handlers, onCrash: ended.reject });
        this.consumer = consumer;
        const everyMs = this.options.lookForTopicsEveryMs ?? LOOK_FOR_TOPICS_EVERY_MS;
        void topics.change(handlers, everyMs, AbortSignal.any([ending.signal, this.closing.signal])).then((now) => {
          if (now !== undefined) ended.reject(new Error(`the topics are now ${now}`));
        });
        await Promise.race([consumer.start(), ended.promise]);
        await ended.promise;
      } catch (error) {
        if (this.isClosing()) break;
        this.options.logger.warn({ err: error, groupId: this.options.groupId }, 'the group is joined anew');
        // Not awaited: it would wait for a broker that stands still.
        void consumer?.stop();
        await delay(JOIN_AGAIN_MS);
      } finally {
        ending.abort();
      }
    }
  }

  private isClosing(): boolean {
    return this.closing.signal.aborted;
  }

  /** For health and metrics; undefined before listening. */
  consumerStatus(): ConsumerStatus | undefined {
    return this.consumer?.status();
  }

  override on(): never {
    throw new Error('KafkaBatchStrategy emits no events: read consumerStatus()');
  }

  override unwrap(): never {
    throw new Error('KafkaBatchStrategy hands out no client: everything it does is in its options and its status');
  }
}

/** Passes a handler's error on as it is, so that the status and the log name it; Nest's default hides it. */
@Catch()
export class RethrowFilter implements RpcExceptionFilter {
  catch(exception: unknown): Observable<never> {
    return throwError(() => exception);
  }
}
