import pg, { type Client, type Pool } from 'pg';
import { EVERY_CUSTOMER, withSessionSettings } from '../session-settings.js';
import type { WakeUp } from './wake-up.js';

export interface LeadershipOptions {
  readonly pool: Pool;
  /** The leader's own connection; by default made with the pool's options. */
  readonly connectionString?: string | undefined;
  /** One leader per lock among all processes on this database. */
  readonly lock: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly wakeUp: WakeUp;
  readonly onError: (error: unknown) => void;
}

/** The lead, while it is held. */
export interface Lead {
  /** The connection that holds the lock. What is done on it is done as the leader. */
  readonly client: Client;
  /** @throws when the connection is lost, and with it the lead */
  readonly check: () => void;
}

const CANDIDATE_MS = 500;
const IDLE_LIMIT_MS = 5_000;

/**
 * Of all processes one leads: the holder of a session advisory lock. Postgres ends the connection that holds it when
 * nothing is heard on it for 5 s, so a frozen leader does not keep the others waiting.
 */
export class Leadership {
  private held = false;
  private stopping = false;
  /** The connection on which this process leads, or waits to. */
  private session: Client | undefined;

  constructor(private readonly options: LeadershipOptions) {}

  isHeld(): boolean {
    return this.held;
  }

  /** Waits for the lead, again and again, and has `work` done with it; returns after {@link stop}. */
  async run(work: (lead: Lead) => Promise<void>): Promise<void> {
    const { wakeUp, onError } = this.options;
    while (!this.stopping) {
      let client: Client | undefined;
      try {
        client = this.client();
        await this.hold(client, work);
      } catch (error) {
        onError(error);
      } finally {
        this.held = false;
        this.session = undefined;
        // Not awaited: a connection that hangs would keep this process from making another.
        client?.end().catch(() => undefined);
      }
      await wakeUp.pause(CANDIDATE_MS);
    }
  }

  /** Waits for no lead any more. The work that is being done ends by itself. */
  stop(): void {
    this.stopping = true;
  }

  private client(): Client {
    const { pool, connectionString, applicationName } = this.options;
    const { ssl, password } = pool.options; // not enumerable in a pool's options
    return new pg.Client({
      ...(connectionString === undefined
        ? { ...pool.options, ssl, password }
        : { connectionString: withSessionSettings(connectionString) }),
      application_name: applicationName,
      connectionTimeoutMillis: 2_000,
      query_timeout: IDLE_LIMIT_MS,
      keepAlive: true,
    });
  }

  private async hold(client: Client, work: (lead: Lead) => Promise<void>): Promise<void> {
    const { wakeUp } = this.options;
    let lost: Error | undefined;
    const onLost = (error?: Error) => {
      lost ??= error ?? new Error('the connection was closed');
      // The pause before the next connection is nobody's to end.
      if (this.session === client) wakeUp.interrupt();
    };
    client.on('error', onLost);
    client.on('end', onLost);
    this.session = client;
    await client.connect();
    const limit = `'${String(IDLE_LIMIT_MS)}ms'`;
    await client.query(
      `set idle_session_timeout = ${limit}; set idle_in_transaction_session_timeout = ${limit}; set tcp_user_timeout = ${limit};
       set ${EVERY_CUSTOMER}`,
    );
    while (!(await this.tryLock(client))) {
      await wakeUp.pause(CANDIDATE_MS);
      if (this.stopping) return;
    }
    this.held = true;
    const check = () => {
      if (lost !== undefined) throw lost;
    };
    await work({ client, check });
  }

  private async tryLock(client: Client): Promise<boolean> {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
      [this.options.lock],
    );
    return rows[0]?.locked === true;
  }
}
