import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Links behind which the credentials of an API user wait, encrypted, to be opened once. */
export class HandOvers1795800180000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table hand_over (
        customer_id uuid not null,
        id uuid not null,
        api_user_id uuid not null,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        status text not null check (status in ('waiting', 'opened', 'withdrawn')),
        opened_at timestamptz,
        opened_ip text,
        failed_openings integer not null default 0,
        last_failed_at timestamptz,
        -- Base64url; null once it was opened or withdrawn or has expired.
        ciphertext text,
        primary key (customer_id, id)
      );
      create index hand_over_by_api_user on hand_over (customer_id, api_user_id, created_at desc);
      create index hand_over_with_ciphertext on hand_over (expires_at) where ciphertext is not null;
      alter table hand_over enable row level security;
      create policy own_customer on hand_over
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      grant select, insert, update on hand_over to identity;

      -- With the rights of the owner, who stands outside the policy: of all customers the service may do this one thing.
      create function hand_over_sweep() returns void
        language sql security definer set search_path = pg_catalog, public
        begin atomic
          update hand_over set ciphertext = null where ciphertext is not null and expires_at <= now();
        end;
      revoke execute on function hand_over_sweep() from public;
      grant execute on function hand_over_sweep() to identity;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
