import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Counts the specs of a customer, who may have only so many. */
export class SpecLimit1796620000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('create index spec_v1_by_customer on spec_v1 (customer_id)');
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
