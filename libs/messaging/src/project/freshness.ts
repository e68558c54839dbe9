import { heartbeat, type Heartbeat } from '@rebelcore/contracts/heartbeat';
import type { Pool, QueryConfig } from 'pg';
import type { ReceivedBatch, ReceivedMessage } from '../consume/batch-consumer.js';
import { within } from '../deadline.js';
import type { Logger } from '../logger.js';
import type { TopicReader } from '../topic-facts.js';
import {
  ageOf,
  ALLOWED_SKEW_MS,
  currencyOf,
  hasCaughtUp,
  UNPROVEN,
  type AppliedTopic,
  type Beat,
  type Currency,
  type Ends,
  type Moment,
} from './currency.js';

export interface ViewFreshnessOptions {
  readonly pool: Pool;
  /** The view whose stored offsets count. */
  readonly view: string;
  /**
   * The topics this view must be current of; a heartbeat that does not speak of all of them says nothing. What is parked of
   * others, such as calls that any API may write, says nothing of a customer's state.
   */
  readonly topics: readonly string[];
  /** Says how far the topics have come. Closed together with this. */
  readonly topicReader: Pick<TopicReader, 'facts' | 'close'>;
  readonly logger: Logger;
  /** The command that makes the view anew, after which it believes whichever store speaks: `npm run rebuild -- token`. */
  readonly rebuild?: string | undefined;
  /**
   * Where the view says what is, and not what was: the topic on which the store's events come, each under its customer's next
   * number. A store that was once seen to hold less than the view has applied, or was told of, is believed again only after that
   * command, since growing again proves nothing.
   */
  readonly eventTopic?: string | undefined;
  /** Milliseconds between two refreshes. Default 1000. */
  readonly pollMs?: number | undefined;
  /** Default `identity.heartbeats.v1`. */
  readonly heartbeatTopic?: string | undefined;
}

/** So long a question may wait for its answer: meanwhile another server may have taken the place of the one that was asked. */
const ANSWER_WITHIN_MS = 2_000;

/** Heartbeats kept, a quarter of an hour of them: a view that lags further behind is as old as what it was known to be last. */
const KEEP = 450;

/**
 * SQL of what changes whenever the view's database may have become another one: the server was started again, a standby has taken
 * its place, or the table was copied or restored.
 */
const LIFE = `pg_postmaster_start_time()::text || ' ' || pg_relation_filepath('heartbeat')`;

const UNKNOWN: Currency = {
  beat: undefined,
  withheld: 'the database of this view does not say how current it is',
};

/** How current a view is, for health and for whoever must not go on without it. */
export interface FreshnessStatus {
  readonly asOf: Date | undefined;
  /** Milliseconds; Infinity while nothing is known. */
  readonly ageMs: number;
  /** Why it is not current as of the newest heartbeat. */
  readonly withheld: string | undefined;
  /** How far this host's clock was ahead of that of identity's database when the last heartbeat came, the way it took included. */
  readonly clockAheadMs: number | undefined;
}

/**
 * How current a view is. The relay's heartbeats say up to which offsets everything committed before `at` was published;
 * once the view has applied them it is current as of `at`, see {@link currencyOf}. Heartbeats and offsets lie in Postgres,
 * so that every replica knows it, whichever reads the topics.
 *
 * A database that went back took heartbeats and offsets with it, and they agree as before. So what the topics hold is asked and
 * noted when its present life is first seen: nobody can have confirmed more of an earlier one.
 */
export class ViewFreshness {
  private beats: (Beat & { readonly arrival: bigint })[] = [];
  private currency: Currency = UNKNOWN;
  private caughtUp = false;
  /** The {@link LIFE} in which they were read. */
  private life: string | undefined;
  /** Why the last heartbeat that came was not believed. */
  private disbelieved: string | undefined;
  /** Why no heartbeat is believed until the view is made anew. */
  private contradicted: string | undefined;
  private blocked: ReadonlySet<string> = new Set();
  /** What the clock of the view's database said, and when it was asked by the monotonic one. */
  private clock = { database: 0, monotonic: 0 };
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private refreshing: Promise<void> | undefined;
  private noting: Promise<void> | undefined;
  private couldNote = true;
  private readonly heartbeatTopic: string;

  constructor(private readonly options: ViewFreshnessOptions) {
    this.heartbeatTopic = options.heartbeatTopic ?? 'identity.heartbeats.v1';
  }

  /** Refreshes once, then every `pollMs`, and four times as often while nothing is known: everybody is refused meanwhile. */
  async start(): Promise<void> {
    await this.refresh();
    if (this.stopped) return;
    const { pollMs = 1_000 } = this.options;
    this.timer = setTimeout(() => void this.start(), this.currency.beat === undefined ? pollMs / 4 : pollMs).unref();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.options.topicReader.close();
    await this.refreshing;
    await this.noting;
  }

  /** The newest moment of which the view is known to be current; undefined when none is known. Goes back with its offsets. */
  asOf(): Date | undefined {
    const { beat } = this.currency;
    return beat && new Date(beat.at);
  }

  /**
   * Milliseconds since that moment; Infinity while none is known. The clocks' allowed difference is added, so that a host
   * that is behind by that much does not take the view for younger than it is.
   */
  ageMs(): number {
    const { beat } = this.currency;
    if (beat === undefined || beat.at > Date.now() + ALLOWED_SKEW_MS) return Infinity;
    return ageOf(beat, this.present()) + ALLOWED_SKEW_MS;
  }

  status(): FreshnessStatus {
    const newest = this.beats.at(-1);
    const clockAheadMs = newest && newest.learned.wall - newest.at;
    const withheld = this.contradicted ?? this.disbelieved ?? this.currency.withheld;
    return { asOf: this.asOf(), ageMs: this.ageMs(), withheld, clockAheadMs };
  }

  /**
   * Whether the view has applied what its topics held when its database was first seen in its present life; false while the database
   * does not answer. For a view that is asked however old it is.
   */
  hasCaughtUp(): boolean {
    return this.caughtUp;
  }

  /** True while records of this key are parked: what the view says about it may be old, whatever {@link asOf} says. */
  isBlocked(key: string): boolean {
    return this.blocked.has(key);
  }

  /** Asks the database now; calls that come while one is under way share it. */
  refresh(): Promise<void> {
    this.refreshing ??= this.query()
      .catch((error: unknown) => {
        const isNews = this.currency !== UNKNOWN;
        // Nobody can be looked up either, and what answers next may be another database.
        this.currency = UNKNOWN;
        this.caughtUp = false;
        const { logger, view } = this.options;
        if (isNews) logger.warn({ err: error, view }, 'how current the view is cannot be read');
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
    const read = batch.messages.map((message) => this.read(message)).filter((beat) => beat !== undefined);
    const { heartbeats, contradicted, stored } = await this.believed(read);
    await this.options.pool.query(
      `with checkpoint as (
         insert into consumer_offset as o (view, topic, partition, next_offset, incarnation) values ($1, $2, $3, $4, $10)
         on conflict (view, topic, partition) do update set next_offset = greatest(o.next_offset, excluded.next_offset)
          where o.incarnation is not distinct from excluded.incarnation
       ), stored as (
         insert into heartbeat (topic, at, published, incarnations, store_id, store_position)
         select $2, h.at, h.published, h.incarnations, h.store_id, h.store_position
           from unnest($5::timestamptz[], $6::jsonb[], $7::jsonb[], $8::uuid[], $9::bigint[])
                as h (at, published, incarnations, store_id, store_position)
         on conflict do nothing
       ), contradiction as (
         insert into store_contradiction (topic, at, reason)
         select $2, $11, $12
          where $11::timestamptz is not null and not exists (select from heartbeat where topic = $2 and at = $11)
            -- Unless a rebuild has bound the view anew meanwhile.
            and ($13::timestamptz is null or exists (select from heartbeat where topic = $2 and at = $13))
         on conflict do nothing
       )
       delete from heartbeat where topic = $2
          and arrival <= (select max(arrival) from heartbeat where topic = $2) - ${String(KEEP)}`,
      [
        this.options.view,
        batch.topic,
        batch.partition,
        (last.offset + 1n).toString(),
        heartbeats.map(({ at }) => at),
        heartbeats.map(({ published }) => JSON.stringify(published)),
        heartbeats.map(({ incarnations }) => JSON.stringify(incarnations)),
        heartbeats.map(({ store }) => store.id),
        heartbeats.map(({ store }) => store.position),
        batch.incarnation,
        contradicted?.at,
        contradicted?.reason,
        stored?.at,
      ],
    );
  }

  /**
   * Those of the store that this view is made of. What another says, or one that holds less than it did, proves nothing. What is
   * delivered again was said earlier, and contradicts nothing.
   */
  private async believed(heartbeats: readonly Heartbeat[]) {
    const { rebuild = 'a rebuild', eventTopic } = this.options;
    const { rows } = await this.options.pool.query<{ at: Date; id: string; position: string }>(
      `select at, store_id as id, store_position as position from heartbeat where topic = $1 order by arrival desc limit 1`,
      [this.heartbeatTopic],
    );
    const [stored] = rows;
    let known = stored && { at: stored.at, store: { id: stored.id, position: stored.position } };
    const believed: Heartbeat[] = [];
    let behind: Contradiction | undefined;
    for (const beat of heartbeats) {
      this.disbelieved = known && contradiction(known.store, beat.store, rebuild);
      if (known === undefined || this.disbelieved === undefined) {
        known = { at: new Date(beat.at), store: beat.store };
        believed.push(beat);
        continue;
      }
      this.options.logger.error({ at: beat.at, store: beat.store, known: known.store }, this.disbelieved);
      if (beat.store.id !== known.store.id || Date.parse(beat.at) <= Number(known.at)) continue;
      behind ??= { at: beat.at, reason: this.disbelieved };
    }
    const newest = believed.at(-1);
    if (newest !== undefined && eventTopic !== undefined) behind ??= await this.comparedWithApplied(newest, eventTopic);
    const contradicted = eventTopic === undefined ? undefined : behind && lasting(behind, rebuild);
    return { heartbeats: believed, contradicted, stored };
  }

  /**
   * Whether the view has applied more events than the store holds that speaks: one that went back and has grown since, while nobody
   * could tell. Comparable while the view has read no further than this heartbeat tells.
   */
  private async comparedWithApplied(
    { at, store: { id, grownTo }, published, incarnations }: Heartbeat,
    topic: string,
  ): Promise<Contradiction | undefined> {
    if (grownTo === undefined) return undefined;
    const { rows } = await this.options.pool.query<{ applied: string; isComparable: boolean }>(
      `select (select coalesce(sum(sequence), 0) from applied_sequence where view = $1 and topic = $2)::text as applied,
              not exists (select from consumer_offset where view = $1 and topic = $2
                and (incarnation is distinct from $3 or next_offset > coalesce(($4::bigint[])[partition + 1], 0))) as "isComparable"`,
      [this.options.view, topic, incarnations[topic], published[topic]],
    );
    const [row] = rows;
    if (!row?.isComparable || BigInt(row.applied) <= BigInt(grownTo)) return undefined;
    return { at, reason: `store ${id} holds ${grownTo} events, and this view has applied ${row.applied}` };
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
    const after = this.beats.at(-1)?.arrival ?? 0n;
    const asked = performance.now();
    const query: QueryConfig & { query_timeout: number } = {
      query_timeout: ANSWER_WITHIN_MS,
      text: `select (select json_agg(json_build_object('at', h.at, 'published', h.published, 'incarnations', h.incarnations,
                               'arrival', h.arrival::text, 'arrivedAt', extract(epoch from h.arrived_at) * 1000)
                               order by h.arrival)
                 from heartbeat h
                where h.topic = $2 and h.arrival > case when ${LIFE} = $5 then $4::bigint else 0 end) as beats,
              ${LIFE} as life,
              (select json_build_object('published', l.published, 'incarnations', l.incarnations)
                 from database_life l where l.view = $1 and l.life = ${LIFE}) as held,
              (select coalesce(max(arrival), 0) < $4::bigint from heartbeat where topic = $2) as gone,
              (select reason from store_contradiction where topic = $2) as contradicted,
              (extract(epoch from clock_timestamp()) * 1000)::float8 as clock,
              (select json_agg(json_build_object('topic', o.topic, 'partition', o.partition, 'offset', o.next_offset::text,
                               'incarnation', o.incarnation))
                 from consumer_offset o where o.view = $1 and o.topic = any($3::text[])) as offsets,
              (select json_agg(json_build_object('topic', g.topic, 'incarnation', g.incarnation))
                 from topic_gap g where g.view = $1 and g.topic = any($3::text[]) and g.kind <> 'made-anew') as gaps,
              array(select distinct key from parked_record
                     where view = $1 and topic = any($3::text[]) and key is not null) as blocked`,
      values: [view, this.heartbeatTopic, topics, String(after), this.life],
    };
    // Waiting for a connection counts as well.
    const { rows } = await within(
      ANSWER_WITHIN_MS,
      pool.query<Row>(query),
      () => new Error(`the database of ${view} did not answer in ${String(ANSWER_WITHIN_MS)} ms`),
    );
    const [row] = rows;
    if (row === undefined) return;
    const { beats, life, held, gone, contradicted, clock, offsets, gaps, blocked } = row;
    // An answer that was long on its way makes nothing look younger.
    this.clock = { database: clock, monotonic: asked };
    const learned = this.present();
    const added = (beats ?? []).map((beat) => ({
      ...beat,
      at: Date.parse(beat.at),
      arrival: BigInt(beat.arrival),
      learned,
    }));
    this.beats = [...(gone || life !== this.life ? [] : this.beats), ...added].slice(-KEEP);
    this.life = life;
    const applied = topics.map((topic): AppliedTopic => {
      const stored = (offsets ?? []).filter((each) => each.topic === topic);
      return {
        topic,
        partitions: new Map(
          stored.map(({ partition, offset, incarnation }) => [
            partition,
            { offset: BigInt(offset), incarnation: incarnation ?? undefined },
          ]),
        ),
        lostIn: new Set((gaps ?? []).filter((gap) => gap.topic === topic).map(({ incarnation }) => incarnation)),
      };
    });
    this.contradicted = contradicted ?? undefined;
    const believed = contradicted === null ? this.beats : [];
    this.currency = currencyOf(held ?? undefined, believed, applied, learned.wall);
    this.caughtUp = hasCaughtUp(held ?? undefined, this.beats.at(-1), applied);
    this.blocked = new Set(blocked);
    if (this.currency === UNPROVEN) this.note(life);
  }

  /** Not awaited: Kafka may be away, and how current the view is must be known all the same. */
  private note(life: string): void {
    if (this.stopped) return;
    const { logger, view } = this.options;
    this.noting ??= this.noteEnds(life)
      .then(() => {
        this.couldNote = true;
        return this.refresh();
      })
      .catch((error: unknown) => {
        if (this.couldNote) logger.warn({ err: error, view }, 'what the topics of the view hold cannot be asked');
        this.couldNote = false;
      })
      .finally(() => {
        this.noting = undefined;
      });
  }

  /** Asked after that life was seen, so they hold all that was applied in an earlier one. */
  private async noteEnds(life: string): Promise<void> {
    const { pool, view, topics, topicReader } = this.options;
    const facts = await topicReader.facts(topics);
    const published = facts.map(({ topic, partitions }) => [topic, partitions.map(({ high }) => String(high))]);
    const incarnations = facts.map(({ topic, incarnation }) => [topic, incarnation]);
    await pool.query(
      `insert into database_life (view, life, published, incarnations) select $1, $2, $3, $4 where ${LIFE} = $2
       on conflict (view) do update
         set life = excluded.life, published = excluded.published, incarnations = excluded.incarnations`,
      [view, life, Object.fromEntries(published), Object.fromEntries(incarnations)],
    );
  }

  private present(): Moment {
    const monotonic = performance.now();
    return { wall: Date.now(), database: this.clock.database + monotonic - this.clock.monotonic, monotonic };
  }
}

interface Row {
  readonly beats: readonly (Omit<Beat, 'at' | 'learned'> & { at: string; arrival: string })[] | null;
  readonly life: string;
  /** What was noted in that life; null where nothing was yet. */
  readonly held: Ends | null;
  readonly gone: boolean;
  readonly contradicted: string | null;
  readonly clock: number;
  readonly offsets: readonly { topic: string; partition: number; offset: string; incarnation: string | null }[] | null;
  readonly gaps: readonly { topic: string; incarnation: string }[] | null;
  readonly blocked: readonly string[];
}

/** What a heartbeat says that cannot be, when it says so. */
interface Contradiction {
  readonly at: string;
  readonly reason: string;
}

const lasting = ({ at, reason }: Contradiction, rebuild: string): Contradiction => ({
  at,
  reason: `${reason}: this view may hold what that store has lost; "${rebuild}" makes it anew`,
});

function contradiction(known: Heartbeat['store'], said: Heartbeat['store'], rebuild: string): string | undefined {
  if (said.id !== known.id) {
    return `heartbeats come from store ${said.id}, but this view was made of store ${known.id}; "${rebuild}" has it believe the one that speaks`;
  }
  if (BigInt(said.position) >= BigInt(known.position)) return undefined;
  return `store ${said.id} has gone back from position ${known.position} to ${said.position}`;
}
