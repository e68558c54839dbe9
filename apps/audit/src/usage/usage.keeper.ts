import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { messageOf, type Logger } from '@rebelcore/messaging/logger';
import { inTransaction } from '@rebelcore/messaging/transaction';
import type { Pool, PoolClient } from 'pg';
import { UsageSums, type UsageSumsJson } from './usage-sums.js';

const EVERY_MS = 1_000;
const FORGET_EVERY_MS = 3_600_000;

/** Adds to usage what the log has taken in, and forgets what nobody asks for any more. Each replica does; one at a time. */
export class UsageKeeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private forgotAt = -Infinity;

  constructor(
    private readonly pool: Pool,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setTimeout(() => {
      this.running = this.run();
    }, EVERY_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      while (this.timer !== undefined && (await this.addPending()));
      if (performance.now() - this.forgotAt >= FORGET_EVERY_MS) {
        await this.pool.query('select forget_usage()');
        this.forgotAt = performance.now();
      }
    } catch (error) {
      // It goes on where it was; the log waits for nothing of this.
      this.logger.warn({ reason: messageOf(error) }, 'usage could not be brought up to date');
    }
    if (this.timer !== undefined) this.onApplicationBootstrap();
  }

  /** True when there may be more. Put together here, which costs a fraction of what it would cost the database. */
  private addPending(): Promise<boolean> {
    const begin = (tx: PoolClient) => tx.query('begin');
    return inTransaction(this.pool, begin, async (tx) => {
      const { rows } = await tx.query<{ sums: UsageSumsJson }>('select take_pending_usage() as sums');
      if (rows.length === 0) return false;
      const together = new UsageSums();
      for (const { sums } of rows) together.addAll(sums);
      await tx.query('select add_taken_usage($1)', [JSON.stringify([together])]);
      return true;
    });
  }
}
