import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { BaseRpcContext, Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { isObservable, lastValueFrom, throwError, type Observable } from 'rxjs';
import type { BatchHandler, ConsumerStatus } from './batch-consumer.js';
import { KafkaBatchConsumer, type KafkaBatchConsumerOptions } from './kafka-batch-consumer.js';

export type KafkaBatchStrategyOptions = Omit<KafkaBatchConsumerOptions, 'handlers'>;

/**
 * Delivers batches to `@EventPattern('<topic>')` handlers; the payload is a `ReceivedBatch`. Nest's own `ServerKafka`
 * hands over single messages, retries every error for ever and keeps the offsets in Kafka.
 *
 * Listening does not wait for Kafka: the service starts, and its health tells when the group is joined.
 */
export class KafkaBatchStrategy extends Server implements CustomTransportStrategy {
  private consumer: KafkaBatchConsumer | undefined;

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
    if (handlers.size > 0) {
      this.consumer = new KafkaBatchConsumer({ ...this.options, handlers });
      this.consumer.start().catch((error: unknown) => {
        this.options.onCrash(error instanceof Error ? error : new Error(String(error)));
      });
    }
    callback();
  }

  async close(): Promise<void> {
    await this.consumer?.stop();
  }

  /** For health and metrics; undefined before listening. */
  consumerStatus(): ConsumerStatus | undefined {
    return this.consumer?.status();
  }

  override on(): never {
    throw new Error('KafkaBatchStrategy emits no events: read consumerStatus()');
  }

  override unwrap<T>(): T {
    return this.consumer as T;
  }
}

/** Passes a handler's error on as it is, so that the status and the log name it; Nest's default hides it. */
@Catch()
export class RethrowFilter implements RpcExceptionFilter {
  catch(exception: unknown): Observable<never> {
    return throwError(() => exception);
  }
}
