import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import type { Assertion } from './client-assertion.js';

const SWEEP_EVERY_MS = 10 * 60_000;

/**
 * Which assertions were used, at whichever replica. It is asked only once a signature has held, so that nobody else can fill
 * it, and other ways of authenticating write nothing.
 */
export class UsedAssertions {
  private readonly timer: NodeJS.Timeout;

  /** @param onError told when what has expired could not be deleted; it is tried again */
  constructor(
    private readonly pool: Pool,
    onError: (error: unknown) => void,
  ) {
    this.timer = setInterval(() => {
      this.sweep().catch(onError);
    }, SWEEP_EVERY_MS).unref();
  }

  /** Notes that this one was used; false when it had been before. */
  async use(apiUserId: string, { jti, exp }: Assertion): Promise<boolean> {
    const { rowCount } = await this.pool.query({
      name: 'client-assertion.use',
      text: `insert into client_assertion (api_user_id, jti_hash, expires_at) values ($1, $2, to_timestamp($3))
             on conflict (api_user_id, jti_hash) do nothing`,
      values: [apiUserId, createHash('sha256').update(jti).digest(), exp],
    });
    return rowCount === 1;
  }

  /** Deletes what no replica would accept any more, however its clock stands. */
  async sweep(): Promise<void> {
    await this.pool.query(`delete from client_assertion where expires_at < now() - interval '1 hour'`);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }
}
