import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whose each API user is, for calls that name one and not its customer. */
export class WhoseApiUsers1796720000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table api_user_customer (
        api_user_id uuid primary key,
        customer_id uuid not null
      );
      insert into api_user_customer select user_id, customer_id from activity where event_type = 'api_user.create'
      on conflict do nothing;

      -- They run as the owner: a batch holds what is of many customers, and nobody else reads the table.
      create function note_api_users(ids uuid[], customers uuid[]) returns void
      language sql security definer set search_path = public, pg_temp as $$
        insert into api_user_customer select * from unnest(ids, customers) as n (id, customer) order by id
        on conflict do nothing
      $$;
      create function customers_of_api_users(ids uuid[]) returns setof api_user_customer
      language sql stable security definer set search_path = public, pg_temp as
        'select * from api_user_customer where api_user_id = any(ids)';
      revoke all on function note_api_users(uuid[], uuid[]), customers_of_api_users(uuid[]) from public;
      grant execute on function note_api_users(uuid[], uuid[]), customers_of_api_users(uuid[]) to audit;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
