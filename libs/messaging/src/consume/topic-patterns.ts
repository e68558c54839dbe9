import type { Kafka } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import { disconnected, within } from '../deadline.js';
import { cancellableClient } from '../kafka-client.js';
import type { BatchHandler } from './batch-consumer.js';

const ANSWER_WITHIN_MS = 5_000;

/** Names of topics, and patterns in which `*` stands for one part of a name: which topics are they by now? */
export class TopicPatterns {
  private readonly named: ReadonlyMap<string, BatchHandler>;
  private readonly patterns: readonly { readonly matches: RegExp; readonly handler: BatchHandler }[];

  constructor(
    private readonly kafka: Kafka,
    handlers: ReadonlyMap<string, BatchHandler>,
  ) {
    this.named = new Map([...handlers].filter(([name]) => !name.includes('*')));
    this.patterns = [...handlers]
      .filter(([name]) => name.includes('*'))
      .map(([name, handler]) => ({ matches: expressionOf(name), handler }));
  }

  /** The handler of each topic there is. @throws when Kafka does not say */
  async resolve(): Promise<ReadonlyMap<string, BatchHandler>> {
    const handlers = new Map(this.named);
    if (this.patterns.length === 0) return handlers;
    for (const topic of await this.topics()) {
      const pattern = this.patterns.find(({ matches }) => matches.test(topic));
      if (pattern !== undefined && !handlers.has(topic)) handlers.set(topic, pattern.handler);
    }
    return handlers;
  }

  /** Resolves, with what it has become, once the list of topics is another than `known`; undefined when it was aborted before. */
  async change(
    known: ReadonlyMap<string, BatchHandler>,
    everyMs: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (this.patterns.length === 0) return undefined;
    const pause = () => delay(everyMs, true, { signal, ref: false }).catch(() => false);
    while (await pause()) {
      // While Kafka is away the consumer finds out, and says so.
      const topics = await this.resolve().catch(() => known);
      if (topics.size !== known.size || [...topics.keys()].some((topic) => !known.has(topic)))
        return [...topics.keys()].join(', ');
    }
    return undefined;
  }

  private async topics(): Promise<string[]> {
    let wanted = true;
    const admin = cancellableClient(this.kafka, () => wanted).admin({ retry: { retries: 1 } });
    try {
      const list = (async () => {
        await admin.connect();
        return admin.listTopics();
      })();
      return await within(ANSWER_WITHIN_MS, list, () => new Error('Kafka did not list its topics in time'));
    } finally {
      wanted = false;
      await disconnected(admin.disconnect());
    }
  }
}

const expressionOf = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+')}$`);
