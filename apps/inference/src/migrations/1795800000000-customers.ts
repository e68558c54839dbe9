import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What API users may do now. */
export class Customers1795800000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- Which role does this API user have now?
      create table api_user_v1 (
        api_user_id uuid primary key,
        customer_id uuid not null,
        role_id uuid not null
      );
      create index api_user_v1_by_role on api_user_v1 (customer_id, role_id);
      grant select, insert, update on api_user_v1 to inference;

      -- And what may whoever has it do? The system roles are known without a table.
      create table role_v1 (
        role_id uuid primary key,
        permissions text[] not null
      );
      grant select, insert, update on role_v1 to inference;

      -- The view that had the specs alone goes on as customers-v1, which reads the topic from its beginning.
      delete from consumer_offset where view = 'specs-v1';
      delete from applied_sequence where view = 'specs-v1';
      delete from parked_record where view = 'specs-v1';
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
