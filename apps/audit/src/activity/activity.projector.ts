import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { callEvents } from '@rebelcore/contracts/call-events';
import { MalformedEvent } from '@rebelcore/contracts/cloud-event';
import { identityEvents } from '@rebelcore/contracts/identity-events';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import type { Topic } from '@rebelcore/contracts/topics';
import type { ReceivedBatch, ReceivedMessage } from '@rebelcore/messaging/consume/batch-consumer';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { RethrowFilter } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { Projection } from '@rebelcore/messaging/project/projection';
import type { ProjectionHandlers } from '@rebelcore/messaging/project/projection-handlers';
import type { Pool, PoolClient } from 'pg';
import { describeCalls, describeIdentityEvent, describeTokenEvent } from './description.js';
import { usageOf } from '../usage/usage-fold.js';
import type { ActivityEntry } from './entry.js';

/** Name of the view and, after `audit.`, of its consumer group. */
export const ACTIVITY_VIEW = 'activity-v1';

/** A record with the entries it becomes. */
interface Described {
  readonly sequence: number;
  readonly entries: readonly ActivityEntry[];
}

/** How each topic becomes entries of the log. An entry's time and id come from its event, so that repeats are known. */
export const activityHandlers = {
  'identity.events.v1': handlers((message) => {
    const event = identityEvents.read(message);
    return { sequence: event.sequence, entries: [describeIdentityEvent(event)] };
  }, true),
  'token.events.v1': handlers((message) => {
    const event = tokenEvents.read(message);
    return { sequence: event.sequence, entries: [describeTokenEvent(event)] };
  }),
  'api.calls.v1': handlers((message) => {
    const event = callEvents.read(message);
    return { sequence: event.sequence, entries: describeCalls(event) };
  }),
} satisfies Partial<Record<Topic, ProjectionHandlers<Described>>>;

/** Writes down what every topic says, each event and each call exactly once (ADR 3). */
@Controller()
@UseFilters(RethrowFilter)
export class ActivityProjector {
  constructor(
    private readonly projection: Projection,
    private readonly freshness: ViewFreshness,
  ) {}

  @EventPattern('identity.events.v1')
  identityEvents(batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, activityHandlers['identity.events.v1']);
  }

  @EventPattern('token.events.v1')
  tokenEvents(batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, activityHandlers['token.events.v1']);
  }

  @EventPattern('api.calls.v1')
  calls(batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, activityHandlers['api.calls.v1']);
  }

  @EventPattern('identity.heartbeats.v1')
  heartbeats(batch: ReceivedBatch): Promise<void> {
    return this.freshness.record(batch);
  }
}

function handlers(describe: (message: ReceivedMessage) => Described, sequenced = false): ProjectionHandlers<Described> {
  return {
    sequenced,
    read(message) {
      const described = describe(message);
      described.entries.forEach(mustBePlausible);
      return described;
    },
    apply: (tx, events) =>
      append(
        tx,
        events.flatMap(({ event }) => event.entries),
      ),
  };
}

const FIRST_MOMENT = Date.parse('2020-01-01T00:00:00Z');
const CLOCK_SKEW_MS = 86_400_000;

/** A clock gone wrong must neither make partitions at will nor put an entry where nobody looks. */
function mustBePlausible({ occurredAt }: ActivityEntry): void {
  const at = Date.parse(occurredAt);
  if (at >= FIRST_MOMENT && at <= Date.now() + CLOCK_SKEW_MS) return;
  throw new MalformedEvent('event.bad-data', `the time ${occurredAt} cannot be right`);
}

const MONTHS_AHEAD = 3;

/** Makes the partitions of this month and the next ones, so that hardly any batch has to. */
export async function ensureMonths(pool: Pool): Promise<void> {
  await pool.query(
    `select ensure_activity_months(array(
       select (date_trunc('month', now() at time zone 'utc') + n * interval '1 month')::date
         from generate_series(0, $1) as n))`,
    [MONTHS_AHEAD],
  );
}

/**
 * One call for all entries, which go as one JSON text: that costs Node and Postgres less than an array per column. What
 * they add to the usage of API users goes with them, and again without those that turn out to be there already.
 */
async function append(tx: PoolClient, entries: readonly ActivityEntry[]): Promise<void> {
  const months = new Set(entries.map(({ occurredAt }) => `${occurredAt.slice(0, 7)}-01`));
  await tx.query({
    name: 'activity.months',
    text: 'select ensure_activity_months($1::date[])',
    values: [[...months]],
  });
  const customers = new Set(entries.map(({ customerId }) => customerId));
  const { rows } = await tx.query<{ fresh: string[] | null }>({
    name: 'activity.append',
    text: 'select append_activity($1, $2, $3) as fresh',
    values: [JSON.stringify(entries), [...customers], asDeltas(entries)],
  });
  const fresh = rows[0]?.fresh;
  if (fresh === null || fresh === undefined) return;
  const ids = new Set(fresh);
  // A record may hold the same entry twice.
  const once = entries.filter(({ id }) => ids.delete(id));
  const deltas = asDeltas(once);
  if (deltas !== null) await tx.query({ name: 'usage.add', text: 'select add_new_usage($1)', values: [deltas] });
}

function asDeltas(entries: readonly ActivityEntry[]): string | null {
  const usage = usageOf(entries);
  return usage.isEmpty ? null : JSON.stringify(usage);
}
