/** The services that hold a Kafka principal of their own; the name is the SCRAM user. */
export const PRINCIPALS = ['identity', 'token', 'audit', 'inference', 'subscriber'] as const;
export type Principal = (typeof PRINCIPALS)[number];

export interface TopicSpec {
  /** Cleanup of old records: a duration in milliseconds, `forever`, or compaction by key. */
  readonly retention: { readonly ms: number } | 'forever' | 'compact';
  /** `single` for a topic that is not keyed by customer; the rest share the cluster's partition count. */
  readonly partitions: 'shared' | 'single';
  readonly writtenBy: readonly Principal[];
  readonly readBy: readonly Principal[];
}

const hours = (n: number) => n * 3_600_000;
const days = (n: number) => hours(24 * n);

/** Partition count of every keyed topic unless an operator chooses another at the first start. */
export const DEFAULT_PARTITIONS = 12;

/** Every topic of the product, who may write it and who may read it. Access rules on the broker are made from this table. */
export const TOPICS = {
  'identity.events.v1': {
    retention: 'forever',
    partitions: 'shared',
    writtenBy: ['identity'],
    readBy: ['identity', 'token', 'audit', 'inference', 'subscriber'],
  },
  'identity.credentials.v1': {
    retention: 'compact',
    partitions: 'shared',
    writtenBy: ['identity'],
    readBy: ['token'],
  },
  'identity.heartbeats.v1': {
    retention: { ms: hours(1) },
    partitions: 'single',
    writtenBy: ['identity'],
    readBy: ['identity', 'token', 'audit', 'inference', 'subscriber'],
  },
  'token.events.v1': {
    retention: { ms: days(30) },
    partitions: 'shared',
    writtenBy: ['token'],
    readBy: ['identity', 'audit'],
  },
  'api.calls.v1': {
    retention: { ms: days(30) },
    partitions: 'shared',
    writtenBy: ['identity', 'token', 'audit', 'inference'],
    readBy: ['audit'],
  },
  'audit.checkpoints.v1': {
    retention: 'forever',
    partitions: 'shared',
    writtenBy: ['audit'],
    readBy: ['audit', 'subscriber'],
  },
} as const satisfies Record<string, TopicSpec>;

export type Topic = keyof typeof TOPICS;
