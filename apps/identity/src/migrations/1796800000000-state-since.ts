import type { MigrationInterface, QueryRunner } from 'typeorm';

/** More than states of API users is confirmed: since when its state is in force stays what it was when a key is added. */
export class StateSince1796800000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      alter table enforcement_v1 add column state_since timestamptz;
      alter table enforcement_v1 no force row level security;
      update enforcement_v1 set state_since = applied_at;
      alter table enforcement_v1 force row level security;
      alter table enforcement_v1 alter column state_since set not null;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
