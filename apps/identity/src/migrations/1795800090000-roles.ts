import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Roles of a customer’s own. */
export class Roles1795800090000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- What may whoever has this role do? Written in the transaction of the event. The system roles stand in no table.
      create table role_v1 (
        customer_id uuid not null,
        id uuid not null,
        name text not null,
        -- The flags that are on.
        permissions text[] not null,
        created_at timestamptz not null,
        primary key (customer_id, id)
      );
      alter table role_v1 enable row level security;
      create policy own_customer on role_v1
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      grant select, insert, update, delete on role_v1 to identity;

      -- Who has this role?
      create index user_v1_by_role on user_v1 (customer_id, role_id);
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
