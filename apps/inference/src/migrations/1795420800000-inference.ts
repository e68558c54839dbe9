import { consumerTables } from '@rebelcore/messaging/schema';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const ROLE = 'inference';

/** Which spec belongs to which customer, and what a consumer keeps. */
export class Inference1795420800000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(consumerTables(ROLE));
    await db.query(`
      create table spec_v1 (
        spec_id text primary key,
        customer_id uuid not null
      );
      grant select, insert on spec_v1 to ${ROLE};
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table spec_v1, heartbeat, parked_record, applied_sequence, consumer_offset;');
  }
}
