import type { CallRecorder } from '@rebelcore/api-access/call-recorder';
import type { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import type { Projection } from '@rebelcore/messaging/project/projection';
import type { Relay } from '@rebelcore/messaging/relay/relay';
import type { Pool } from 'pg';
import type { HealthCheck } from './health.js';

/** Ready while the database answers. */
export const databaseHealth = (pool: Pool): HealthCheck => ({
  name: 'database',
  check: async () => {
    await pool.query('select 1');
    return { ready: true };
  },
});

/** Figures of the outbox. Another replica may lead; a queue while Kafka is away is what the outbox is for. */
export const relayHealth = (relay: Relay, pool: Pool): HealthCheck => ({
  name: 'relay',
  check: async () => {
    const { rows } = await pool.query<{ waiting: number }>(
      'select count(*)::int as waiting from (select from outbox limit 10000) o',
    );
    return { ready: true, ...relay.status(), waiting: rows[0]?.waiting };
  },
});

/** Figures of the call recorder. While Kafka is away calls go to the spool, and are answered. */
export const recordingHealth = (recorder: CallRecorder): HealthCheck => ({
  name: 'recording',
  check: () => ({ ready: true, ...recorder.status() }),
});

export interface ViewHealthOptions {
  /** With its version, which the check is called without. */
  readonly view: string;
  readonly projection: Projection;
  readonly strategy: KafkaBatchStrategy;
  readonly freshness: ViewFreshness | undefined;
  /** Milliseconds; undefined for a view that may be of any age. */
  readonly maxAgeMs: number | undefined;
}

/**
 * Figures of a view; `current` tells whether it is as young as it must be. A replica that is behind stays in rotation: they
 * all are while Kafka is away, and each says so itself to whoever asks.
 */
export function viewHealth({ view, projection, strategy, freshness, maxAgeMs }: ViewHealthOptions): HealthCheck {
  return {
    name: view.replace(/-v\d+$/, ''),
    check: async () => {
      const { joined = false, lag = 0, lastError, partitions = [] } = strategy.consumerStatus() ?? {};
      const refusals = new Set(partitions.map(({ error }) => error).filter((error) => error !== undefined));
      const { ageMs = 0, ...figures } = freshness?.status() ?? {};
      const [parked, gaps] = await Promise.all([projection.parked(), projection.gaps()]);
      return {
        ready: true,
        ...(maxAgeMs !== undefined && { current: ageMs <= maxAgeMs }),
        ...figures,
        joined,
        lag: String(lag),
        lastError,
        /** Why partitions are not read at present. */
        refusals: [...refusals],
        parked,
        gaps,
      };
    },
  };
}
