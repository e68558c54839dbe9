import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { Pool } from 'pg';

const SWEEP_EVERY_MS = 30_000;
const NEWEST = 50;

/** A link as whoever made it sees it. */
export interface HandOverRow {
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly status: 'waiting' | 'opened' | 'expired' | 'withdrawn';
  readonly openedAt: Date | null;
  readonly openedIp: string | null;
  readonly failedOpenings: number;
  readonly lastFailedAt: Date | null;
}

/** The table of hand-over links. What waits behind one that has expired is deleted within half a minute. */
@Injectable()
export class HandOvers implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('HandOvers');
  private sweeping: NodeJS.Timeout | undefined;

  constructor(private readonly pool: Pool) {}

  onApplicationBootstrap(): void {
    this.sweeping = setInterval(() => {
      this.sweep().catch((error: unknown) => {
        this.logger.warn({ err: error, msg: 'expired hand-over links could not be swept' });
      });
    }, SWEEP_EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.sweeping);
  }

  /** What waits behind a link; undefined once it is deleted. */
  ciphertext(customerId: string, id: string): Promise<string | undefined> {
    return withinCustomer(this.pool, customerId, async (tx) => {
      const { rows } = await tx.query<{ ciphertext: string | null }>({
        name: 'hand-over.ciphertext',
        text: 'select ciphertext from hand_over where customer_id = $1 and id = $2',
        values: [customerId, id],
      });
      return rows[0]?.ciphertext ?? undefined;
    });
  }

  /** Somebody has tried a link that does not open any more. */
  async countFailure(customerId: string, id: string): Promise<void> {
    await withinCustomer(this.pool, customerId, (tx) =>
      tx.query({
        name: 'hand-over.failure',
        text: `update hand_over set failed_openings = failed_openings + 1, last_failed_at = now()
                where customer_id = $1 and id = $2`,
        values: [customerId, id],
      }),
    );
  }

  /** The newest links of an API user. */
  ofApiUser(customerId: string, apiUserId: string): Promise<HandOverRow[]> {
    return withinCustomer(this.pool, customerId, async (tx) => {
      const { rows } = await tx.query<HandOverRow>({
        name: 'hand-over.list',
        text: `select id, created_at as "createdAt", expires_at as "expiresAt",
                      case when status = 'waiting' and expires_at <= now() then 'expired' else status end as status,
                      opened_at as "openedAt", opened_ip as "openedIp",
                      failed_openings as "failedOpenings", last_failed_at as "lastFailedAt"
                 from hand_over
                where customer_id = $1 and api_user_id = $2
                order by created_at desc, id desc
                limit $3`,
        values: [customerId, apiUserId, NEWEST],
      });
      return rows;
    });
  }

  /** Of all customers, which the service may see of no table: a function of the owner does this one thing. */
  async sweep(): Promise<void> {
    await this.pool.query('select hand_over_sweep()');
  }
}
