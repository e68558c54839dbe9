import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which event had which number, so that a number that comes again with another event is known. */
export class AppliedIds1796710000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table applied_run (
        view text not null,
        topic text not null,
        key text not null,
        first_sequence bigint not null,
        ids text[] not null,
        primary key (view, topic, key, first_sequence)
      );
      grant select, insert, update, delete on applied_run to token;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
