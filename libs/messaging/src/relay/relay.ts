import type { Kafka } from 'kafkajs';
import type { Client, Pool } from 'pg';
import { messageOf, type Logger } from '../logger.js';
import type { OutgoingRecord, Publisher } from '../publish/publisher.js';
import { TopicReader, type TopicFacts } from '../topic-facts.js';
import { RelayHeartbeat } from './heartbeat.js';
import { Leadership, type Lead } from './leadership.js';
import { checkTopics } from './published-topics.js';
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
  readonly lastError: { readonly at: Date; readonly message: string } | undefined;
}

const BATCH = 1_000;
/** Finds rows whose wake-up was lost, for example with the process that committed them. */
const POLL_MS = 200;
/** So often it is asked again whether it may publish. */
const REFUSED_MS = 1_000;
/** Longer than a broker's failover takes; a producer that still hangs then asks a broker that stands still. */
const PUBLISH_TIMEOUT_MS = 6_000;

/**
 * The oldest rows, with the moment of the statement and the highest id there was: everything committed before `at` and
 * not yet published is among the rows up to `newest`.
 */
const read = (store: string) => `
  select statement_timestamp() as at, (select max(id) from outbox) as newest, ${store}
         o.id, o.topic, o.key, o.headers, o.value
    from (values (1)) as always
    left join lateral (select * from outbox order by id limit ${String(BATCH)}) as o on true
   order by o.id`;

interface Row extends OutgoingRecord {
  readonly at: Date;
  readonly newest: string | null;
  readonly id: string | null;
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
  private readonly lifeSql: string;
  private readonly readSql: string;
  /** The life of the store in which it may publish; undefined until that is known. */
  private allowedLife: string | undefined;
  /** The connection of the present lead. */
  private leading: Client | undefined;
  private refusal: string | undefined;
  private running: Promise<void> | undefined;
  private stopping = false;
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
    const topics = async () => {
      const facts = await this.topics.facts(heartbeat?.topics ?? []);
      await this.requireTopics(facts);
      return facts;
    };
    this.heartbeat = heartbeat && new RelayHeartbeat({ ...heartbeat, topics, publisher, name, onError });
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
    return { leader, published, lastPublishedAt, lastHeartbeatAt: this.heartbeat?.lastAt(), refusal, lastError };
  }

  private async lead(lead: Lead): Promise<void> {
    const { client, check } = lead;
    await this.wakeUp.listen(client);
    this.options.logger.info({ relay: this.options.name }, 'this process publishes the outbox');
    let failures = 0;
    this.leading = client;
    this.allowedLife = undefined;
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
        const refusal =
          (await mayPublish?.()) ??
          (heartbeat && (await checkTopics(client, await this.topics.facts(heartbeat.topics))));
        if (refusal !== this.refusal && refusal !== undefined) {
          this.options.logger.error({ relay: this.options.name }, `nothing is published: ${refusal}`);
        }
        this.refusal = refusal;
        if (refusal !== undefined) continue;
        this.allowedLife = rows[0]?.store_life;
        return true;
      } catch (error) {
        check();
        this.recordError(error, 'the store and the topics could not be compared; it is tried again');
      }
    }
    return false;
  }

  /** @throws when they no longer hold what was published; nothing is published then until they do */
  private async requireTopics(facts: readonly TopicFacts[]): Promise<void> {
    const { leading } = this;
    if (leading === undefined) throw new Error('this process does not lead any more');
    const refusal = await checkTopics(leading, facts);
    if (refusal === undefined) return;
    this.refusal = refusal;
    throw new Error(`no heartbeat is sent: ${refusal}`);
  }

  /** One round: read, publish, delete, heartbeat when one is due. True when more rows are waiting. */
  private async round(client: Client): Promise<boolean> {
    const { rows } = await client.query<Row>({ name: 'relay-read', text: this.readSql });
    const [first] = rows;
    if (first === undefined) return false;
    if (first.store_life !== this.allowedLife) {
      // What a moment of the former store saw may be lost.
      this.heartbeat?.forget();
      this.allowedLife = undefined;
      return true;
    }
    const pending = rows.filter((row): row is Row & { id: string } => row.id !== null);
    if (pending.length > 0) {
      await this.publish(client, pending);
      const ids = pending.map(({ id }) => id);
      await client.query({
        name: 'relay-delete',
        text: 'delete from outbox where id = any($1::bigint[])',
        values: [ids],
      });
      this.published += pending.length;
      this.lastPublishedAt = new Date();
    }
    this.heartbeat?.afterRound({
      at: first.at,
      newest: first.newest === null ? undefined : BigInt(first.newest),
      publishedUpTo: BigInt(pending.at(-1)?.id ?? -1),
      empty: pending.length === 0,
      store: { id: first.store_id, position: first.store_position },
    });
    return pending.length === BATCH;
  }

  private async publish(client: Client, rows: readonly OutgoingRecord[]): Promise<void> {
    // Publishing can take longer than the connection may be silent.
    let pinging: Promise<unknown> | undefined;
    const ping = setInterval(() => {
      pinging ??= client
        .query('select 1')
        .catch(() => undefined)
        .finally(() => (pinging = undefined));
    }, 1_000);
    try {
      await this.options.publisher.publish(rows, { timeoutMs: PUBLISH_TIMEOUT_MS });
    } catch (error) {
      throw new PublishingFailed('the outbox could not be published', { cause: error });
    } finally {
      clearInterval(ping);
      await pinging;
    }
  }

  private recordError(error: unknown, message: string): void {
    this.lastError = { at: new Date(), message: messageOf(error) };
    this.options.logger.warn({ err: error, relay: this.options.name }, message);
  }
}

class PublishingFailed extends Error {}
