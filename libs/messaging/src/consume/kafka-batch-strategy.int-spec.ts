import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { testKafka } from '@rebelcore/testing/test-kafka';
import type { TcpProxy } from '@rebelcore/testing/tcp-proxy';
import { until } from '@rebelcore/testing/until';
import { from } from 'rxjs';
import type { ReceivedBatch } from './batch-consumer.js';
import { KafkaBatchStrategy, RethrowFilter } from './kafka-batch-strategy.js';
import { KafkaPublisher } from '../publish/kafka-publisher.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

describe('KafkaBatchStrategy', () => {
  it('gives whole batches to @EventPattern handlers, and again when one fails, whose error its status names.', async () => {
    const kafka = testKafka();
    const [plain, observed] = [await kafka.topic(1), await kafka.topic(1)];
    const next = new Map<string, bigint>();
    const seen: string[] = [];
    let failures = 0;

    @Controller()
    class Projector {
      @EventPattern(plain)
      async onPlain(@Payload() batch: unknown): Promise<void> {
        if (failures++ === 0) throw new RangeError('not this time');
        await this.apply(batch);
      }

      @EventPattern(observed)
      onObserved(@Payload() batch: unknown) {
        return from(this.apply(batch));
      }

      private apply(batch: unknown): Promise<void> {
        const { topic, messages } = batch as ReceivedBatch;
        seen.push(...messages.map(({ value }) => String(value)));
        next.set(topic, (messages.at(-1)?.offset ?? -1n) + 1n);
        return Promise.resolve();
      }
    }
    @Module({ controllers: [Projector] })
    class TestModule {}

    const strategy = new KafkaBatchStrategy({
      kafka: kafka.client(),
      groupId: kafka.group(),
      offsets: { nextOffsets: (topic) => Promise.resolve(new Map([[0, next.get(topic) ?? 0n]])) },
      logger: silent,
    });
    const app = await NestFactory.createMicroservice(TestModule, { strategy, logger: false });
    app.useGlobalFilters(new RethrowFilter());
    const publisher = new KafkaPublisher(kafka.client());
    await publisher.publish(
      [plain, observed].flatMap((topic) => [0, 1].map((n) => ({ topic, key: 'k', headers: {}, value: String(n) }))),
    );
    await app.listen();

    await until(() => seen.length === 4, 'both topics');
    expect(failures).toBe(2);
    expect(strategy.consumerStatus()).toMatchObject({ joined: true, lastError: { message: 'not this time' } });
    await until(() => strategy.consumerStatus()?.lag === 0, 'no lag');
    await app.close();
    await publisher.close();
    await kafka.close();
  });

  it.each<{
    what: string;
    why: RegExp;
    silentMs?: number;
    harm: (proxy: TcpProxy) => void;
    heal: (proxy: TcpProxy) => void;
  }>([
    {
      what: 'an error is final to kafkajs',
      why: /authentication|SASL|ECONNRESET/,
      harm: (proxy) => {
        proxy.interruptLogins();
        proxy.cut();
      },
      heal: (proxy) => {
        proxy.thaw();
      },
    },
    {
      what: 'a connection goes dead, which stays so',
      why: /was not answered/,
      harm: (proxy) => {
        proxy.freezeOpen();
      },
      heal: () => undefined,
    },
    {
      what: 'kafkajs is silent for too long',
      why: /no sign of the consumer/,
      // Before a request has waited for too long.
      silentMs: 4_500,
      harm: (proxy) => {
        proxy.freeze();
      },
      heal: (proxy) => {
        proxy.thaw();
      },
    },
  ])('joins the group anew when $what.', async ({ why, silentMs, harm, heal }) => {
    const kafka = testKafka();
    const topic = await kafka.topic(1);
    const { kafka: disturbed, proxy } = await kafka.clientThroughProxy();
    let next = 0n;
    const [seen, reasons]: [string[], string[]] = [[], []];

    @Controller()
    class Projector {
      @EventPattern(topic)
      apply(@Payload() batch: unknown): Promise<void> {
        const { messages } = batch as ReceivedBatch;
        seen.push(...messages.map(({ value }) => String(value)));
        next = (messages.at(-1)?.offset ?? -1n) + 1n;
        return Promise.resolve();
      }
    }
    @Module({ controllers: [Projector] })
    class TestModule {}

    const strategy = new KafkaBatchStrategy({
      kafka: disturbed,
      groupId: kafka.group(),
      offsets: { nextOffsets: () => Promise.resolve(new Map([[0, next]])) },
      silentMs,
      logger: { ...silent, error: (fields) => reasons.push(String((fields as { err?: unknown }).err)) },
    });
    const app = await NestFactory.createMicroservice(TestModule, { strategy, logger: false });
    const publisher = new KafkaPublisher(kafka.client());
    const publish = (value: string) => publisher.publish([{ topic, key: 'k', headers: {}, value }]);
    await app.listen();
    await publish('before');
    await until(() => seen.length === 1, 'the first record');

    harm(proxy);
    await until(() => reasons.some((reason) => why.test(reason)), 'the consumer to be given up', 30_000);
    heal(proxy);
    await publish('after');
    // The group keeps the lost member's place for the 6 s of its session.
    await until(() => seen.length === 2, 'the second record', 25_000);
    expect(seen).toEqual(['before', 'after']);
    await app.close();
    await publisher.close();
    await kafka.close();
  });
});
