import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The event store and sessions come under row security too, and nobody stands outside it, not even the owner. */
export class RowSecurity1796720000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      do $$
      declare
        protected text;
      begin
        foreach protected in array array['event', 'customer_head', 'claim', 'enforcement_v1', 'session'] loop
          execute format('alter table %I enable row level security', protected);
          execute format('create policy own_customer on %I
            using (customer_id = nullif(current_setting(''rebelcore.customer_id'', true), '''')::uuid)', protected);
          -- What finds the customer, or serves all of them, says so.
          execute format('create policy every_customer on %I
            using (current_setting(''rebelcore.every_customer'', true) = ''on'')', protected);
        end loop;
        foreach protected in array array['user_v1', 'portal_user_private', 'api_user_credential', 'portal_user_invite',
                                         'role_v1', 'second_factor', 'recovery_code', 'hand_over'] loop
          -- For the owner alone: the service has no work there but that of one customer.
          execute format('create policy every_customer on %I to current_user
            using (current_setting(''rebelcore.every_customer'', true) = ''on'')', protected);
        end loop;
        foreach protected in array array['event', 'customer_head', 'claim', 'enforcement_v1', 'session', 'user_v1',
                                         'portal_user_private', 'api_user_credential', 'portal_user_invite', 'role_v1',
                                         'second_factor', 'recovery_code', 'hand_over'] loop
          execute format('alter table %I force row level security', protected);
        end loop;
      end $$;
      create or replace function hand_over_sweep() returns void
        language sql security definer set search_path = pg_catalog, public
        begin atomic
          select set_config('rebelcore.every_customer', 'on', true);
          update hand_over set ciphertext = null where ciphertext is not null and expires_at <= now();
        end;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
