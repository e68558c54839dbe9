import type { Kafka } from 'kafkajs';
import type { Client, Pool } from 'pg';
import { messageOf, type Logger } from '../logger.js';
import { PublishFailed, type OutgoingRecord, type Publisher } from '../publish/publisher.js';
import { TopicReader, type TopicFacts } from '../topic-facts.js';
import { RelayHeartbeat } from './heartbeat.js';
import { Leadership, type Lead } from './leadership.js';
import { checkTopics, deletePublished, KnownEnds, noteShortened, TopicShortened } from './published-topics.js';
import { WakeUp } from './wake-up.js';

export interface RelayOptions {
  /** The database with the outbox. */
  readonly pool: Pool;
  /** The leader's own connection; by default made with the pool's options. */
  readonly connectionString?: string | undefined;
  readonly publisher: Publisher;
  /** For the end offsets that a heartbeat states. */
  readonly kafka: Kafka;
  /** One leader per name among all processes on this database. */
  readonly name: string;
  readonly heartbeat?:
    | {
        readonly topic: string;
        /** Milliseconds between two heartbeats. */
        readonly everyMs: number;
        /** The topics that this outbox feeds. */
        readonly topics: readonly string[];
        /**
         * SQL of the store's id, of its position, which is said to have been published, and of what changes whenever it may
         * have become another one.
         */
        readonly store: { readonly id: string; readonly position: string; readonly life?: string | undefined };
      }
    | undefined;
  /** Asked when this process begins to lead and when the store has another life: why nothing may be published, if nothing may. */
  readonly mayPublish?: (() => Promise<string | undefined>) | undefined;
  readonly logger: Logger;
}

export interface RelayStatus {
  readonly leader: boolean;
  readonly published: number;
  readonly lastPublishedAt: Date | undefined;
  /** The `at` of the last heartbeat that was acknowledged. */
  readonly lastHeartbeatAt: Date | undefined;
  /** Why nothing is published: the store or a topic is not what it was. */
  readonly refusal: string | undefined;
  /** What the broker will never take: nothing more of this topic and key is published until it does. */
  readonly refusedRecords: readonly RefusedRecord[];
  readonly lastError: { readonly at: Date; readonly message: string } | undefined;
}

/** A row of the outbox that the broker refused for good. */
export interface RefusedRecord {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly reason: string;
}

const BATCH = 1_000;
/** What one partition takes at once is bounded, by default at 1 MiB, and all rows of a round may be of one partition. */
const BATCH_BYTES = 768 * 1024;
/** So often it is tried whether the broker takes by now what it has refused. */
const REFUSED_AGAIN_MS = 30_000;
/** Finds rows whose wake-up was lost, for example with the process that committed them. */
const POLL_MS = 200;
/** So often it is asked again whether it may publish. */
const REFUSED_MS = 1_000;
/** Longer than a broker's failover takes; a producer that still hangs then asks a broker that stands still. */
const PUBLISH_TIMEOUT_MS = 6_000;

/**
 * The oldest rows, as many as go together, without those of topics and keys that are held up; with the moment of the
 * statement and the highest id there was: everything committed before `at` and not yet published is among the rows up to
 * `newest`. Parameters: 1 topics and 2 keys that are held up.
 */
const read = (store: string) => `
  select statement_timestamp() as at, (select max(id) from outbox) as newest, ${store}
         o.id, o.topic, o.key, o.headers, o.value, o.candidates::int
    from (values (1)) as always
    left join lateral (
      select *, sum(size) over (order by id) as upto, count(*) over () as candidates
        from (select *, octet_length(value) + octet_length(headers::text) + octet_length(key) as size from outbox
               where (topic, key) not in (select * from unnest($1::text[], $2::text[]))
               order by id limit ${String(BATCH)}) as oldest
    ) as o on o.upto <= ${String(BATCH_BYTES)} or o.upto = o.size
   order by o.id`;

interface Row extends OutgoingRecord {
  readonly at: Date;
  readonly newest: string | null;
  readonly id: string | null;
  /** How many rows there were to choose from. */
  readonly candidates: number | null;
  readonly store_id: string;
  readonly store_position: string;
  readonly store_life: string;
}

/**
 * Publishes the outbox, in the order of its ids, at least once. A row stays until the broker has acknowledged it, so a
 * transaction that commits late is never passed over.
 *
 * Of all processes one leads, see {@link Leadership}; it reads and deletes on the connection that holds the lock. What a
 * leader publishes that was frozen and wakes up are duplicates, dropped downstream by their sequence.
 */
export class Relay {
  private readonly wakeUp: WakeUp;
  private readonly leadership: Leadership;
  private readonly heartbeat: RelayHeartbeat | undefined;
  private readonly topics: TopicReader;
  private readonly ends = new KnownEnds();
  /** Kafka was away: whether its topics are still what they were is asked before anything is published again. */
  private topicsAreDoubted = false;
  private readonly lifeSql: string;
  private readonly readSql: string;
  /** The life of the store in which it may publish; undefined until that is known. */
  private allowedLife: string | undefined;
  /** The connection of the present lead. */
  private leading: Client | undefined;
  private refusal: string | undefined;
  private running: Promise<void> | undefined;
  private stopping = false;
  /** By topic and key. */
  private readonly refused = new Map<string, RefusedRecord>();
  private refusedAt = 0;
  private published = 0;
  private lastPublishedAt: Date | undefined;
  private lastError: { at: Date; message: string } | undefined;

  constructor(private readonly options: RelayOptions) {
    const { pool, connectionString, heartbeat, kafka, publisher, name } = options;
    const channel = `outbox_${name}`;
    const errorsAs = (message: string) => (error: unknown) => {
      this.recordError(error, message);
    };
    this.wakeUp = new WakeUp(pool, channel, errorsAs('the leading relay could not be notified; it polls'));
    this.leadership = new Leadership({
      pool,
      connectionString,
      lock: channel,
      applicationName: `relay ${name}`,
      wakeUp: this.wakeUp,
      onError: errorsAs('the relay lost its connection'),
    });
    const onError = errorsAs('a heartbeat could not be published');
    this.topics = new TopicReader(kafka);
    const topics = () => this.requireTopics();
    const grownTo = () => this.requirePosition();
    this.heartbeat = heartbeat && new RelayHeartbeat({ ...heartbeat, topics, grownTo, publisher, name, onError });
    const { id = 'null', position = 'null', life = "''" } = heartbeat?.store ?? {};
    this.lifeSql = `${life} as store_life`;
    this.readSql = read(`${id} as store_id, (${position})::text as store_position, ${this.lifeSql},`);
  }

  /** Returns at once; whether it leads is in {@link status}. */
  start(): void {
    this.running ??= this.leadership.run((lead) => this.lead(lead));
  }

  /** Finishes what is being published and gives the lead up. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.leadership.stop();
    const woken = this.wakeUp.stop();
    await this.running;
    await woken;
    await this.heartbeat?.stop();
    await this.topics.close();
  }

  /** Says that rows were committed. Where another process leads it is notified, several calls together. */
  wake(): void {
    this.wakeUp.wake();
    if (!this.leadership.isHeld() && !this.stopping) this.wakeUp.notify();
  }

  status(): RelayStatus {
    const { published, lastPublishedAt, refusal, lastError } = this;
    const leader = this.leadership.isHeld();
    const lastHeartbeatAt = this.heartbeat?.lastAt();
    const refusedRecords = [...this.refused.values()];
    return { leader, published, lastPublishedAt, lastHeartbeatAt, refusal, refusedRecords, lastError };
  }

  private async lead(lead: Lead): Promise<void> {
    const { client, check } = lead;
    await this.wakeUp.listen(client);
    this.options.logger.info({ relay: this.options.name }, 'this process publishes the outbox');
    let failures = 0;
    this.leading = client;
    this.allowedLife = undefined;
    this.refused.clear();
    while (!this.stopping) {
      check();
      if (!this.isAllowed() && !(await this.untilAllowed(lead))) return;
      this.wakeUp.reset();
      try {
        const more = await this.round(client);
        failures = 0;
        if (!more) await this.wakeUp.pause(POLL_MS, { untilWoken: true });
      } catch (error) {
        if (!(error instanceof PublishingFailed)) throw error;
        this.recordError(error.cause, 'the outbox could not be published; it is tried again');
        failures += 1;
        await this.wakeUp.pause(Math.min(100 * 2 ** failures, 2_000));
      }
    }
  }

  private isAllowed(): boolean {
    return this.refusal === undefined && this.allowedLife !== undefined;
  }

  /**
   * Nothing is published before it is known that the store has what it published, and the topics have it as well.
   *
   * @returns false when it is to stop before that
   */
  private async untilAllowed({ client, check }: Lead): Promise<boolean> {
    const { heartbeat, mayPublish } = this.options;
    for (let first = true; !this.stopping; first = false) {
      check();
      if (!first) await this.wakeUp.pause(REFUSED_MS);
      try {
        // Before the question: what becomes another store meanwhile has another life in the round that follows.
        const { rows } = await client.query<Pick<Row, 'store_life'>>(`select ${this.lifeSql}`);
        const refusal = (await mayPublish?.()) ?? (heartbeat && (await this.compareTopics(client)).refusal);
        if (refusal !== this.refusal && refusal !== undefined) {
          this.options.logger.error({ relay: this.options.name }, `nothing is published: ${refusal}`);
        }
        this.refusal = refusal;
        if (refusal !== undefined) continue;
        this.allowedLife = rows[0]?.store_life;
        // What a moment from before saw may be lost: another store, or topics that are no more.
        this.heartbeat?.forget();
        return true;
      } catch (error) {
        check();
        this.recordError(error, 'the store and the topics could not be compared; it is tried again');
      }
    }
    return false;
  }

  /** @throws when they no longer hold what was published; nothing is published then until they do */
  private async requireTopics(): Promise<readonly TopicFacts[]> {
    const { leading } = this;
    if (leading === undefined) throw new Error('this process does not lead any more');
    const { facts, refusal } = await this.compareTopics(leading);
    if (refusal === undefined) return facts;
    this.refusal = refusal;
    throw new Error(`nothing is published: ${refusal}`);
  }

  private async requirePosition(): Promise<string> {
    const position = this.options.heartbeat?.store.position ?? 'null';
    const { rows } = (await this.leading?.query<{ position: string }>(`select (${position})::text as position`)) ?? {};
    if (rows?.[0] === undefined) throw new Error('this process does not lead any more');
    return rows[0].position;
  }

  private compareTopics(client: Client) {
    return checkTopics(client, () => this.topics.facts(this.options.heartbeat?.topics ?? []), this.ends);
  }

  /** One round: read, publish, delete, heartbeat when one is due. True when more rows are waiting. */
  private async round(client: Client): Promise<boolean> {
    if (performance.now() - this.refusedAt > REFUSED_AGAIN_MS) this.refused.clear();
    const held = [...this.refused.values()];
    const { rows } = await client.query<Row>({
      name: 'relay-read',
      text: this.readSql,
      values: [held.map(({ topic }) => topic), held.map(({ key }) => key)],
    });
    const [first] = rows;
    if (first === undefined) return false;
    if (first.store_life !== this.allowedLife) {
      this.allowedLife = undefined;
      return true;
    }
    const pending = rows.filter((row): row is Pending => row.id !== null);
    if (pending.length > 0) {
      const published = await this.publish(client, pending);
      const ids = published.map(({ id }) => id);
      await deletePublished(client, ids, this.ends);
      this.published += published.length;
      if (published.length > 0) this.lastPublishedAt = new Date();
    }
    // A heartbeat says that everything is published that was committed before. What is held up may be a deactivation.
    if (this.refused.size > 0) this.heartbeat?.forget();
    else {
      this.heartbeat?.afterRound({
        at: first.at,
        newest: first.newest === null ? undefined : BigInt(first.newest),
        publishedUpTo: BigInt(pending.at(-1)?.id ?? -1),
        empty: pending.length === 0,
        store: { id: first.store_id, position: first.store_position },
      });
    }
    const candidates = first.candidates ?? 0;
    return candidates === BATCH || candidates > pending.length;
  }

  /** @returns those that are published; the others are held up by one that the broker refuses for good */
  private async publish(client: Client, rows: readonly Pending[]): Promise<readonly Pending[]> {
    // Publishing can take longer than the connection may be silent.
    let pinging: Promise<unknown> | undefined;
    const ping = setInterval(() => {
      pinging ??= client
        .query('select 1')
        .catch(() => undefined)
        .finally(() => (pinging = undefined));
    }, 1_000);
    try {
      if (this.topicsAreDoubted && this.heartbeat !== undefined) await this.requireTopics();
      this.topicsAreDoubted = false;
      return await this.publishOrHold(rows);
    } catch (error) {
      this.topicsAreDoubted = true;
      if (error instanceof TopicShortened) {
        this.refusal = error.message;
        await noteShortened(client, error);
      }
      throw new PublishingFailed('the outbox could not be published', { cause: error });
    } finally {
      clearInterval(ping);
      await pinging;
    }
  }

  /** Finds what is refused by halving, so that one record costs the others a few tries and not their way. */
  private async publishOrHold(rows: readonly Pending[]): Promise<readonly Pending[]> {
    const free = rows.filter((row) => !this.refused.has(orderOf(row)));
    const [first] = free;
    if (first === undefined) return [];
    try {
      await this.ends.advance(free, () => this.options.publisher.publish(free, { timeoutMs: PUBLISH_TIMEOUT_MS }));
      return free;
    } catch (error) {
      if (!(error instanceof PublishFailed) || error.code !== 'publish.refused') throw error;
      if (free.length === 1) {
        this.hold(first, error);
        return [];
      }
      const middle = Math.ceil(free.length / 2);
      return [...(await this.publishOrHold(free.slice(0, middle))), ...(await this.publishOrHold(free.slice(middle)))];
    }
  }

  private hold({ id, topic, key }: Pending, error: PublishFailed): void {
    const refused = { id, topic, key, reason: messageOf(error) };
    this.refused.set(orderOf(refused), refused);
    this.refusedAt = performance.now();
    this.options.logger.error(
      { relay: this.options.name, ...refused },
      'the broker refuses a record for good: nothing more of its topic and key is published, and no heartbeat is sent',
    );
  }

  private recordError(error: unknown, message: string): void {
    this.lastError = { at: new Date(), message: messageOf(error) };
    this.options.logger.warn({ err: error, relay: this.options.name }, message);
  }
}

type Pending = Row & { readonly id: string };

/** Within a topic, records of one key keep their order. */
const orderOf = ({ topic, key }: Pick<OutgoingRecord, 'topic' | 'key'>): string => `${topic}\n${key}`;

class PublishingFailed extends Error {}
