import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Parked records are asked for by key and by age, and never all of them looked through. */
export class ParkedIndexes1796770000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      drop index parked_record_key;
      create index parked_record_key on parked_record (view, topic, partition, key, "offset");
      create index parked_record_age on parked_record (view, parked_at);
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
