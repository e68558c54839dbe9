import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The second factor of people, and what a session knows of it. */
export class SecondFactor1795800120000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table second_factor (
        customer_id uuid not null,
        portal_user_id uuid not null,
        -- AES-256-GCM under KEY_ENCRYPTION_KEY: nonce, tag, ciphertext.
        sealed_secret bytea not null,
        -- Of the last code that was accepted, in 30 s since 1970. Neither it nor an earlier one is accepted again.
        last_step integer not null,
        -- Since the last right one, from wherever they came.
        wrong_codes integer not null default 0,
        last_wrong_at timestamptz,
        primary key (customer_id, portal_user_id)
      ) with (fillfactor = 80);
      alter table second_factor enable row level security;
      create policy own_customer on second_factor
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      grant select, insert, update, delete on second_factor to identity;

      -- A code is deleted when it is used.
      create table recovery_code (
        customer_id uuid not null,
        portal_user_id uuid not null,
        code_hash bytea not null,
        primary key (customer_id, portal_user_id, code_hash)
      );
      alter table recovery_code enable row level security;
      create policy own_customer on recovery_code
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      grant select, insert, delete on recovery_code to identity;

      -- Opened by the password alone, a session is there for enrolment and nothing else.
      alter table session
        add column second_factor boolean not null default false,
        add column sealed_pending_secret bytea,
        add column ip text not null default '',
        add column user_agent text not null default '';
      create index session_by_person on session (customer_id, portal_user_id);
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
