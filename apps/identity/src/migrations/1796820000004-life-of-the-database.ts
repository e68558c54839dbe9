import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When this database was first seen as what it is now: what heartbeats said before may be of a database that it has replaced. */
export class LifeOfTheDatabase1796820000004 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table database_life (
        -- Of the heartbeats.
        topic text primary key,
        life text not null,
        -- Only what was said later counts, and has come after this one.
        since timestamptz not null,
        arrival bigint not null
      );
      grant select, insert, update on database_life to identity;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
