import type { MigrationInterface, QueryRunner } from 'typeorm';

/** API users whose password has leaked, and the mails that tell their owner. */
export class Leaks1796740000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      alter table user_v1 add column leaked boolean not null default false;

      create table leak_mail (
        customer_id uuid not null,
        api_user_id uuid not null,
        reported_at timestamptz not null,
        attempts integer not null default 0,
        due_at timestamptz not null default now(),
        -- Set once it is certain that it cannot be delivered.
        given_up_at timestamptz,
        primary key (customer_id, api_user_id)
      );
      create index leak_mail_due on leak_mail (due_at) where given_up_at is null;
      grant select, insert, update, delete on leak_mail to identity;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
