import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the topics held when this database was first seen as what it is now: a view that lacks some of it may be an older copy. */
export class EndsOfTheTopics1796840000004 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      drop table database_life;
      create table database_life (
        view text primary key,
        life text not null,
        -- By topic, the offset after the last record of each partition, and the topic's id.
        published jsonb not null,
        incarnations jsonb not null
      );
      grant select, insert, update on database_life to identity;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
