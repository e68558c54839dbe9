/** The services that hold a Kafka principal of their own; the name is the SCRAM user. */
export const PRINCIPALS = ['identity', 'token', 'audit', 'inference', 'subscriber'] as const;
export type Principal = (typeof PRINCIPALS)[number];

export interface TopicSpec {
  /** Cleanup of old records: a duration in milliseconds, `forever`, or compaction by key. */
  readonly retention: { readonly ms: number } | 'forever' | 'compact';
  /** `single` for a topic that is not keyed by customer; the rest share the cluster's partition count. */
  readonly partitions: 'shared' | 'single';
  /** `broker`: each record bears the moment at which the broker took it, and no writer can say another. Default `writer`. */
  readonly stampedBy?: 'broker' | 'writer';
  /** False where the records of a key may be read in any order. Default true. */
  readonly ordered?: boolean;
  readonly writtenBy: readonly Principal[];
  readonly readBy: readonly Principal[];
}

const days = (n: number) => n * 86_400_000;

/** Partition count of every keyed topic unless an operator chooses another at the first start. */
export const DEFAULT_PARTITIONS = 12;

/** Of the calls of one service, which alone may write it. */
const calls = <Service extends Principal>(service: Service) =>
  ({
    retention: { ms: days(30) },
    partitions: 'shared',
    stampedBy: 'broker',
    ordered: false,
    writtenBy: [service],
    readBy: ['audit'],
  }) as const;

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
    retention: { ms: days(1) },
    partitions: 'single',
    writtenBy: ['identity'],
    readBy: ['identity', 'token', 'audit', 'inference', 'subscriber'],
  },
  'token.events.v1': {
    retention: { ms: days(30) },
    partitions: 'shared',
    ordered: false,
    writtenBy: ['token'],
    readBy: ['identity', 'audit'],
  },
  'api.calls.token.v1': calls('token'),
  'api.calls.inference.v1': calls('inference'),
  'api.calls.identity.v1': calls('identity'),
  'api.calls.audit.v1': calls('audit'),
  'audit.checkpoints.v1': {
    retention: 'forever',
    partitions: 'shared',
    writtenBy: ['audit'],
    readBy: ['audit', 'subscriber'],
  },
} as const satisfies Record<string, TopicSpec>;

export type Topic = keyof typeof TOPICS;

/** Name of a service that records calls: as it stands in the name of its topic, and as its Kafka principal is called. */
export const SERVICE_NAME = /^[a-z][a-z0-9-]{0,39}$/;

/** The topic on which a service records calls; the broker lets no other service write there. */
export const callsTopic = (service: string): string => `api.calls.${service}.v1`;

/** The service that a topic of calls belongs to, and that therefore wrote each record of it; undefined for other topics. */
export function writerOfCalls(topic: string): string | undefined {
  const [, service] = /^api\.calls\.([^.]+)\.v1$/.exec(topic) ?? [];
  return service !== undefined && SERVICE_NAME.test(service) ? service : undefined;
}

/** How the topic of an API is made that is no part of the product. */
export const CALLS_OF_ANOTHER_API: TopicSpec = { ...calls('token'), writtenBy: [] };

/** How a topic of the product, or of an API that records its calls, is made; undefined for any other. */
export const specOf = (topic: string): TopicSpec | undefined =>
  (TOPICS as Readonly<Record<string, TopicSpec>>)[topic] ??
  (writerOfCalls(topic) === undefined ? undefined : CALLS_OF_ANOTHER_API);

/** Where all services recorded calls before each had a topic of its own. Nobody may write it any more. */
export const FORMER_CALLS_TOPIC = 'api.calls.v1';
