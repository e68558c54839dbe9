import { heartbeat } from '@rebelcore/contracts/heartbeat';
import type { Pool } from 'pg';
import type { ReceivedBatch, ReceivedMessage } from '../consume/batch-consumer.js';
import type { Logger } from '../logger.js';

export interface ViewFreshnessOptions {
  readonly pool: Pool;
  /** The view whose stored offsets count. */
  readonly view: string;
  /** The topics this view reads; a heartbeat that does not speak of all of them says nothing. */
  readonly topics: readonly string[];
  readonly logger: Logger;
  /** Milliseconds between two refreshes. Default 1000. */
  readonly pollMs?: number | undefined;
  /** Default `identity.heartbeats.v1`. */
  readonly heartbeatTopic?: string | undefined;
}

/** Heartbeats kept, in seconds: a view that lags further behind is as old as what it was known to be last. */
const KEEP_S = 900;

/**
 * How current a view is. The relay's heartbeats say up to which offsets everything committed before `at` was published;
 * once the view has applied them it is current as of `at`. Heartbeats and offsets lie in Postgres, so that every replica
 * knows it, whichever reads the topics.
 */
export class ViewFreshness {
  private newest: Date | undefined;
  private blocked: ReadonlySet<string> = new Set();
  private timer: NodeJS.Timeout | undefined;
  private refreshing: Promise<void> | undefined;
  private readonly heartbeatTopic: string;

  constructor(private readonly options: ViewFreshnessOptions) {
    this.heartbeatTopic = options.heartbeatTopic ?? 'identity.heartbeats.v1';
  }

  /** Refreshes once, then every `pollMs`. */
  async start(): Promise<void> {
    await this.refresh();
    this.timer = setInterval(() => {
      void this.refresh();
    }, this.options.pollMs ?? 1_000);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.refreshing;
  }

  /** The newest moment of which the view is known to be current; undefined when none is known. Never goes back. */
  asOf(): Date | undefined {
    return this.newest;
  }

  /** True while records of this key are parked: what the view says about it may be old, whatever {@link asOf} says. */
  isBlocked(key: string): boolean {
    return this.blocked.has(key);
  }

  /** Asks the database now; calls that come while one is under way share it. */
  refresh(): Promise<void> {
    this.refreshing ??= this.query()
      .catch((error: unknown) => {
        this.options.logger.warn({ err: error, view: this.options.view }, 'how current the view is could not be read');
      })
      .finally(() => {
        this.refreshing = undefined;
      });
    return this.refreshing;
  }

  /** The batch handler of the heartbeat topic: stores heartbeats and offset in one statement. */
  async record(batch: ReceivedBatch): Promise<void> {
    const last = batch.messages.at(-1);
    if (last === undefined) return;
    const heartbeats = batch.messages.map((message) => this.read(message)).filter((read) => read !== undefined);
    await this.options.pool.query(
      `with checkpoint as (
         insert into consumer_offset as o (view, topic, partition, next_offset) values ($1, $2, $3, $4)
         on conflict (view, topic, partition) do update set next_offset = greatest(o.next_offset, excluded.next_offset)
       ), stored as (
         insert into heartbeat (topic, at, published)
         select $2, h.at, h.published from unnest($5::timestamptz[], $6::jsonb[]) as h (at, published)
         on conflict do nothing
       )
       delete from heartbeat where topic = $2
          and at < (select max(at) from heartbeat where topic = $2) - make_interval(secs => $7)`,
      [
        this.options.view,
        batch.topic,
        batch.partition,
        (last.offset + 1n).toString(),
        heartbeats.map(({ at }) => at),
        heartbeats.map(({ published }) => JSON.stringify(published)),
        KEEP_S,
      ],
    );
  }

  private read({ value, offset }: ReceivedMessage) {
    try {
      return heartbeat.parse(JSON.parse(value?.toString() ?? ''));
    } catch (error) {
      // Leaving one out can only make the view look older than it is.
      this.options.logger.error({ err: error, offset: String(offset) }, 'a heartbeat could not be read');
      return undefined;
    }
  }

  private async query(): Promise<void> {
    const { pool, view, topics } = this.options;
    const { rows } = await pool.query<{ at: Date | null; blocked: string[] }>(
      `select (
          select h.at from heartbeat h
           where h.topic = $2 and h.published ?& $3::text[]
             and not exists (
               select from unnest($3::text[]) as t (topic)
                 cross join jsonb_array_elements_text(h.published -> t.topic) with ordinality as p (next_offset, n)
                 left join consumer_offset o on o.view = $1 and o.topic = t.topic and o.partition = p.n - 1
                where p.next_offset::bigint > coalesce(o.next_offset, 0)
             )
           order by h.at desc limit 1
        ) as at,
        array(select distinct key from parked_record where view = $1 and key is not null) as blocked`,
      [view, this.heartbeatTopic, topics],
    );
    const { at, blocked } = rows[0] ?? {};
    if (at != null && (this.newest === undefined || at > this.newest)) this.newest = at;
    this.blocked = new Set(blocked);
  }
}
