import { acrossCustomers, seeEveryCustomer } from '@rebelcore/event-store/customer-scope';
import type { ReceivedEvent } from '@rebelcore/messaging/project/projection';
import type { tokenEvents } from '@rebelcore/contracts/token-events';
import type { Pool, PoolClient } from 'pg';

export type EnforcementEvent = ReturnType<typeof tokenEvents.read>;

interface Waiter {
  readonly apiUserId: string;
  readonly sequence: number;
  /** Where this very call has recorded it. */
  readonly eventId: string | undefined;
  readonly settle: (appliedAt: Date | undefined) => void;
}

// What another replica of identity has consumed is found by polling; what this one has consumed is acknowledged at once.
const POLL_INTERVAL_MS = 25;

/**
 * Keeps the first word about the newest event of each API user, and since when it has had its state without a break. An
 * acknowledgement counts where the store holds the very event it is about: after a store has lost events, others get their numbers.
 */
export async function applyEnforcement(
  tx: PoolClient,
  received: readonly ReceivedEvent<EnforcementEvent>[],
): Promise<void> {
  await seeEveryCustomer(tx);
  for (const events of inTurns(received)) {
    await tx.query({
      name: 'enforcement.apply',
      text: `insert into enforcement_v1 as e (api_user_id, customer_id, sequence, state, applied_at, state_since)
             select n.api_user_id, n.customer_id, n.sequence, n.state, n.applied_at, n.applied_at
               from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[])
                 as n (api_user_id, customer_id, sequence, state, applied_at, event_id)
               join event on event.customer_id = n.customer_id and event.sequence = n.sequence
                         and event.event_id::text = n.event_id
             order by n.api_user_id
             on conflict (api_user_id) do update
               set sequence = excluded.sequence, state = excluded.state, applied_at = excluded.applied_at,
                   state_since = case when excluded.state = e.state then e.state_since else excluded.state_since end
             where excluded.sequence > e.sequence`,
      values: [
        events.map(({ data }) => data.apiUserId),
        events.map(({ data }) => data.customerId),
        events.map(({ data }) => data.sequence),
        events.map(({ data }) => data.state),
        events.map(({ data }) => data.appliedAt),
        events.map(({ causationId }) => causationId),
      ],
    });
  }
}

/** The first word about each API user, then the second of those that have one, and so on. */
function inTurns(received: readonly ReceivedEvent<EnforcementEvent>[]): EnforcementEvent[][] {
  const turns: EnforcementEvent[][] = [];
  const said = new Map<string, number>();
  for (const { event } of received) {
    const turn = said.get(event.data.apiUserId) ?? 0;
    (turns[turn] ??= []).push(event);
    said.set(event.data.apiUserId, turn + 1);
  }
  return turns;
}

/** Since when does the token service decide by what an event says of an API user? */
export class EnforcementView {
  private readonly waiting = new Set<Waiter>();
  private polling = false;
  private pollNow: () => void = () => undefined;

  constructor(
    private readonly pool: Pool,
    private readonly timeoutMs = 5_000,
  ) {}

  /**
   * Settles those whose very event is acknowledged by what this process has just committed. Of any other only the view knows whether
   * the store holds it, and polling finds it there.
   */
  acknowledge(received: readonly ReceivedEvent<EnforcementEvent>[]): void {
    for (const { causationId, data } of received.map(({ event }) => event)) {
      for (const { eventId, settle } of this.waiting) {
        if (eventId !== undefined && eventId === causationId) settle(new Date(data.appliedAt));
      }
    }
  }

  /**
   * When the event with this sequence, or a later one of the same API user, was applied; undefined when that is not
   * confirmed in five seconds.
   *
   * @param eventId of the event, where the caller has just recorded it: it is known to be in the store
   */
  inForceSince(apiUserId: string, sequence: number, eventId?: string): Promise<Date | undefined> {
    return new Promise((resolve) => {
      const settle = (appliedAt: Date | undefined) => {
        clearTimeout(timeout);
        this.waiting.delete(waiter);
        resolve(appliedAt);
      };
      // A timer of its own, since the database may be the reason for the delay.
      const timeout = setTimeout(settle, this.timeoutMs, undefined);
      const waiter = { apiUserId, sequence, eventId, settle };
      this.waiting.add(waiter);
      if (this.polling) this.pollNow();
      else void this.poll();
    });
  }

  /** One query for all who wait, again and again while anybody waits. */
  private async poll(): Promise<void> {
    this.polling = true;
    while (this.waiting.size > 0) {
      const next = this.untilNextPoll();
      const applied = await this.applied([...this.waiting].map(({ apiUserId }) => apiUserId));
      for (const waiter of this.waiting) {
        const row = applied.get(waiter.apiUserId);
        if (row !== undefined && row.sequence >= waiter.sequence) waiter.settle(row.appliedAt);
      }
      if (this.waiting.size > 0) await next;
    }
    this.polling = false;
  }

  /** Set up before a poll, so that no waiter that comes meanwhile is missed. */
  private untilNextPoll(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_INTERVAL_MS);
      this.pollNow = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async applied(ids: string[]): Promise<Map<string, { sequence: number; appliedAt: Date }>> {
    try {
      const { rows } = await acrossCustomers(this.pool, (tx) =>
        tx.query<{ api_user_id: string; sequence: string; applied_at: Date }>({
          name: 'enforcement.applied',
          text: 'select api_user_id, sequence, applied_at from enforcement_v1 where api_user_id = any($1::uuid[])',
          values: [ids],
        }),
      );
      return new Map(rows.map((r) => [r.api_user_id, { sequence: Number(r.sequence), appliedAt: r.applied_at }]));
    } catch {
      // The command itself is committed: while the database is away it is simply not confirmed.
      return new Map();
    }
  }
}
