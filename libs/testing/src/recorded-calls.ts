import { callEvents, type Call } from '@rebelcore/contracts/call-events';
import { callsTopic } from '@rebelcore/contracts/topics';
import type { Kafka } from 'kafkajs';
import { readTopic } from './topic-reader.js';

/**
 * The calls on the topics of these services, each once: a record that was slow to be acknowledged comes again from the spool, and readers
 * drop it by its id. What other spec files have put there to be parked is left out.
 */
export async function recordedCalls(
  kafka: Kafka,
  ...services: string[]
): Promise<(Call & { readonly customerId: string })[]> {
  const calls = new Map<string, Call & { customerId: string }>();
  const topics = await Promise.all(services.map((service) => readTopic(kafka, callsTopic(service))));
  for (const record of topics.flat()) {
    try {
      const { customerId, calls: made } = callEvents.read(record).data;
      for (const call of made) calls.set(call.id, { ...call, customerId });
    } catch {
      continue;
    }
  }
  return [...calls.values()];
}
