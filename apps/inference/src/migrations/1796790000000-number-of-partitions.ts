import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Among how many partitions keys were shared out when an offset began to count. What is stored already is bound when it is next read. */
export class NumberOfPartitions1796790000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table consumer_offset add column partitions integer');
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
