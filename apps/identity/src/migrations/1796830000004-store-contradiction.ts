import type { MigrationInterface, QueryRunner } from 'typeorm';

/** That a store has said it holds less than it did: which no later word of it takes back. */
export class StoreContradiction1796830000004 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table store_contradiction (
        -- Of the heartbeats.
        topic text primary key,
        -- When it was said.
        at timestamptz not null,
        reason text not null,
        noticed_at timestamptz not null default now()
      );
      -- Only a rebuild, as the owner, takes it away.
      grant select, insert on store_contradiction to identity;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
