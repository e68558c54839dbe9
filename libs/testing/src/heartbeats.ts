import { randomUUID } from 'node:crypto';
import type { Heartbeat } from '@rebelcore/contracts/heartbeat';
import { TopicReader } from '@rebelcore/messaging/topic-facts';
import type { Kafka } from 'kafkajs';
import type { TestDatabase } from './test-database.js';

/** A store that one database believes and no other: spec files share the topic of heartbeats. */
export class TestStore {
  readonly id = randomUUID();
  private position = 0;

  /** Has the views of a database know this store, as if it had spoken long ago. */
  async known(database: TestDatabase): Promise<void> {
    await database.asOwner(
      `insert into heartbeat (topic, at, published, incarnations, store_id, store_position)
       values ('identity.heartbeats.v1', '2026-01-01', '{}', '{}', '${this.id}', 0)`,
    );
  }

  /** What it says as of now: everything that is on the topics has been published. */
  async heartbeat(kafka: Kafka, topics: readonly string[]): Promise<Heartbeat> {
    const at = new Date().toISOString();
    const reader = new TopicReader(kafka);
    try {
      const facts = await reader.facts(topics);
      return {
        at,
        store: { id: this.id, position: String((this.position += 1)) },
        incarnations: Object.fromEntries(facts.map(({ topic, incarnation }) => [topic, incarnation])),
        published: Object.fromEntries(
          facts.map(({ topic, partitions }) => [topic, partitions.map(({ high }) => String(high))]),
        ),
      };
    } finally {
      await reader.close();
    }
  }
}
