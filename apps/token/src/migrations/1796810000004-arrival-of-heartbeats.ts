import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When a heartbeat came, by the clock of this database: a process knows that only of those that came while it ran. */
export class ArrivalOfHeartbeats1796810000004 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table heartbeat add column arrived_at timestamptz not null default clock_timestamp()');
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
