import type { PartitionOffset } from './bounded-reader.js';

/** How far a view has come. */
export interface StoredOffset extends PartitionOffset {
  /** Of the topic that the offset counts in; null where it was stored before that was kept. */
  readonly incarnation: string | null;
}

/**
 * A view that was begun to be made of one topic must not be finished with another of the same name: it would be read on from where
 * the old one ended, and the view that serves has dropped as repeats what comes before.
 *
 * @param begun where the view that serves stood when the rebuild began
 * @param now where it stands now
 * @throws when a topic was made anew between them
 */
export function requireSameTopics(begun: readonly StoredOffset[], now: readonly StoredOffset[]): void {
  for (const { topic, incarnation } of now) {
    const known = begun.filter((each) => each.topic === topic);
    if (known.length === 0 || known.some((each) => each.incarnation === incarnation)) continue;
    throw new Error(`${topic} was made anew meanwhile; type the command again`);
  }
}
