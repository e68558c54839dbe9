import type { Kafka } from 'kafkajs';
import pg, { type Client, type Pool } from 'pg';
import { messageOf, type Logger } from '../logger.js';
import type { OutgoingRecord, Publisher } from '../publish/publisher.js';
import { RelayHeartbeat } from './heartbeat.js';

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
      }
    | undefined;
  readonly logger: Logger;
}

export interface RelayStatus {
  readonly leader: boolean;
  readonly published: number;
  readonly lastPublishedAt: Date | undefined;
  /** The `at` of the last heartbeat that was acknowledged. */
  readonly lastHeartbeatAt: Date | undefined;
  readonly lastError: { readonly at: Date; readonly message: string } | undefined;
}

const BATCH = 1_000;
/** Finds rows whose wake-up was lost, for example with the process that committed them. */
const POLL_MS = 200;
const CANDIDATE_MS = 500;
const IDLE_LIMIT_MS = 5_000;
/** Longer than a broker's failover takes; a producer that still hangs then asks a broker that stands still. */
const PUBLISH_TIMEOUT_MS = 6_000;

/**
 * The oldest rows, with the moment of the statement and the highest id there was: everything committed before `at` and
 * not yet published is among the rows up to `newest`.
 */
const READ = `
  select statement_timestamp() as at, (select max(id) from outbox) as newest,
         o.id, o.topic, o.key, o.headers, o.value
    from (values (1)) as always
    left join lateral (select * from outbox order by id limit ${String(BATCH)}) as o on true
   order by o.id`;

interface Row extends OutgoingRecord {
  readonly at: Date;
  readonly newest: string | null;
  readonly id: string | null;
}

/**
 * Publishes the outbox, in the order of its ids, at least once. A row stays until the broker has acknowledged it, so a
 * transaction that commits late is never passed over.
 *
 * Of all processes one leads: the holder of a session advisory lock. It reads and deletes on the connection that holds
 * the lock, and Postgres ends that connection when nothing is heard on it for 5 s, so a frozen leader does not keep the
 * others waiting. What such a leader publishes when it wakes up are duplicates, dropped downstream by their sequence.
 */
export class Relay {
  private readonly channel: string;
  private readonly beats: RelayHeartbeat | undefined;
  private running: Promise<void> | undefined;
  private stopping = false;
  private leader = false;
  /** The connection on which this process leads, or waits to. */
  private leading: Client | undefined;
  private woken = false;
  /** Ends the present pause early; `onWake` says whether {@link wake} may. */
  private pausing: { readonly onWake: boolean; readonly end: () => void } | undefined;
  private notifying: Promise<void> | undefined;
  private notifyAgain = false;
  private published = 0;
  private lastPublishedAt: Date | undefined;
  private lastError: { at: Date; message: string } | undefined;

  constructor(private readonly options: RelayOptions) {
    this.channel = `outbox_${options.name}`;
    const { heartbeat, kafka, publisher, name } = options;
    const onError = (error: unknown) => {
      this.recordError(error, 'a heartbeat could not be published');
    };
    this.beats = heartbeat && new RelayHeartbeat({ ...heartbeat, kafka, publisher, name, onError });
  }

  /** Returns at once; whether it leads is in {@link status}. */
  start(): void {
    this.running ??= this.run();
  }

  /** Finishes what is being published and gives the lead up. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.pausing?.end();
    await this.running;
    await this.notifying;
    await this.beats?.stop();
  }

  /** Says that rows were committed. Where another process leads it is notified, several calls together. */
  wake(): void {
    this.wakeUp();
    if (this.leader || this.stopping) return;
    if (this.notifying === undefined) this.notifying = this.notifyLeader();
    else this.notifyAgain = true;
  }

  status(): RelayStatus {
    const { leader, published, lastPublishedAt, lastError } = this;
    return { leader, published, lastPublishedAt, lastHeartbeatAt: this.beats?.lastAt(), lastError };
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      let client: Client | undefined;
      try {
        client = this.client();
        await this.lead(client);
      } catch (error) {
        this.recordError(error, 'the relay lost its connection');
      } finally {
        this.leader = false;
        this.leading = undefined;
        // Not awaited: a connection that hangs would keep the relay from making another.
        client?.end().catch(() => undefined);
      }
      await this.pause(CANDIDATE_MS);
    }
  }

  private client(): Client {
    const { pool, connectionString } = this.options;
    const { ssl, password } = pool.options; // not enumerable in a pool's options
    return new pg.Client({
      ...(connectionString === undefined ? { ...pool.options, ssl, password } : { connectionString }),
      application_name: `relay ${this.options.name}`,
      connectionTimeoutMillis: 2_000,
      query_timeout: IDLE_LIMIT_MS,
      keepAlive: true,
    });
  }

  private async lead(client: Client): Promise<void> {
    let lost: Error | undefined;
    const onLost = (error?: Error) => {
      lost ??= error ?? new Error('the connection was closed');
      // The pause before the next connection is nobody's to end.
      if (this.leading === client) this.pausing?.end();
    };
    client.on('error', onLost);
    client.on('end', onLost);
    this.leading = client;
    client.on('notification', () => {
      this.wakeUp();
    });
    await client.connect();
    const limit = `'${String(IDLE_LIMIT_MS)}ms'`;
    await client.query(
      `set idle_session_timeout = ${limit}; set idle_in_transaction_session_timeout = ${limit}; set tcp_user_timeout = ${limit}`,
    );
    while (!(await this.tryLock(client))) {
      await this.pause(CANDIDATE_MS);
      if (this.stopping) return;
    }
    await client.query(`listen ${client.escapeIdentifier(this.channel)}`);
    this.leader = true;
    this.options.logger.info({ relay: this.options.name }, 'this process publishes the outbox');
    let failures = 0;
    while (!this.stopping) {
      if (lost !== undefined) throw lost;
      this.woken = false;
      const more = await this.step(client).catch((error: unknown) => {
        if (!(error instanceof PublishingFailed)) throw error;
        this.recordError(error.cause, 'the outbox could not be published; it is tried again');
        return undefined;
      });
      if (more === undefined) {
        failures += 1;
        await this.pause(Math.min(100 * 2 ** failures, 2_000));
      } else {
        failures = 0;
        if (!more) await this.pause(POLL_MS, { onWake: true });
      }
    }
  }

  private async tryLock(client: Client): Promise<boolean> {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
      [this.channel],
    );
    return rows[0]?.locked === true;
  }

  /** One round: read, publish, delete, heartbeat when one is due. True when more rows are waiting. */
  private async step(client: Client): Promise<boolean> {
    const { rows } = await client.query<Row>({ name: 'relay-read', text: READ });
    const [first] = rows;
    if (first === undefined) return false;
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
    this.beats?.afterRound({
      at: first.at,
      newest: first.newest === null ? undefined : BigInt(first.newest),
      publishedUpTo: BigInt(pending.at(-1)?.id ?? -1),
      empty: pending.length === 0,
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

  private async notifyLeader(): Promise<void> {
    do {
      this.notifyAgain = false;
      await this.options.pool.query("select pg_notify($1, '')", [this.channel]).catch((error: unknown) => {
        this.recordError(error, 'the leading relay could not be notified; it polls');
      });
    } while (this.notifyAgain as boolean);
    this.notifying = undefined;
  }

  private wakeUp(): void {
    this.woken = true;
    if (this.pausing?.onWake === true) this.pausing.end();
  }

  private async pause(ms: number, { onWake } = { onWake: false }): Promise<void> {
    if (this.stopping || (onWake && this.woken)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      this.pausing = { onWake, end };
    });
    this.pausing = undefined;
  }

  private recordError(error: unknown, message: string): void {
    this.lastError = { at: new Date(), message: messageOf(error) };
    this.options.logger.warn({ err: error, relay: this.options.name }, message);
  }
}

class PublishingFailed extends Error {}
