import kafkajs, { type ISocketFactory, type Kafka, type KafkaConfig, type RetryOptions } from 'kafkajs';
import { mendKafkajs } from './kafkajs-mended.js';
import type { Logger } from './logger.js';

export interface KafkaSettings {
  /** `host:port` of at least one broker. */
  readonly brokers: readonly string[];
  /** Shown in the broker's logs and quotas. */
  readonly clientId: string;
  /** SCRAM-SHA-256; without it the connection is unauthenticated. */
  readonly sasl?: { readonly username: string; readonly password: string } | undefined;
  readonly logger?: Logger | undefined;
  /** Another way to open a connection, for example through a proxy. */
  readonly socketFactory?: ISocketFactory | undefined;
}

/**
 * A consumer outlives any outage: with kafkajs's default of five retries it crashes while a broker fails over, and its
 * old member then blocks the group.
 */
export const OUTLIVE_OUTAGES: RetryOptions = { initialRetryTime: 100, maxRetryTime: 1000, retries: 1_000_000 };

/** A Kafka client with the settings that survive a broker's failure and cost next to nothing when idle. */
export function createKafka({ brokers, clientId, sasl, logger, socketFactory }: KafkaSettings): Kafka {
  mendKafkajs();
  return clientWith({
    brokers: [...brokers],
    clientId,
    connectionTimeout: 1_000,
    authenticationTimeout: 3_000,
    requestTimeout: 5_000,
    retry: OUTLIVE_OUTAGES,
    logLevel: logger === undefined ? kafkajs.logLevel.NOTHING : kafkajs.logLevel.INFO,
    // A lost connection is an error to kafkajs and ordinary life to us; what matters is raised by our own code.
    logCreator:
      () =>
      ({ level, namespace, log }) => {
        const { message, timestamp, logger: _, ...details } = log;
        const fields = { kafka: namespace, ...(details as object), at: timestamp };
        if (level === kafkajs.logLevel.ERROR) logger?.warn(fields, message);
        else logger?.debug(fields, message);
      },
    ...(socketFactory !== undefined && { socketFactory }),
    ...(sasl !== undefined && { sasl: { mechanism: 'scram-sha-256' as const, ...sasl } }),
  });
}

/** What each client was made with, so that another can be made like it. */
const configs = new WeakMap<Kafka, KafkaConfig>();

function clientWith(config: KafkaConfig): Kafka {
  const kafka = new kafkajs.Kafka(config);
  configs.set(kafka, config);
  return kafka;
}

let clients = 0;

/**
 * A client like the given one for as long as `isWanted` says so. kafkajs tries on after a disconnect, for as long as
 * its retries last; without a broker to try it ends at once. Each client begins with another broker, since kafkajs stays
 * with the one it began with when that accepts connections and answers nothing.
 */
export function cancellableClient(kafka: Kafka, isWanted: () => boolean): Kafka {
  const config = configs.get(kafka);
  if (config === undefined || typeof config.brokers === 'function') return kafka;
  const { brokers } = config;
  const first = clients++ % brokers.length;
  const order = [...brokers.slice(first), ...brokers.slice(0, first)];
  return clientWith({ ...config, brokers: () => (isWanted() ? order : []) });
}
