import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Row security holds for the owner of the log too; what it does for all customers at once says so. */
export class RowSecurity1796720000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create function force_own_customer(tables text[]) returns void language plpgsql as $$
      declare
        protected text;
      begin
        foreach protected in array tables loop
          execute format('alter table %I force row level security', protected);
          execute format('create policy every_customer on %I to current_user
            using (current_setting(''rebelcore.every_customer'', true) = ''on'')', protected);
        end loop;
      end $$;
      revoke all on function force_own_customer(text[]) from public;

      -- A rebuild makes them again.
      alter function make_usage_tables() rename to make_unforced_usage_tables;
      create function make_usage_tables() returns void language sql as $$
        select make_unforced_usage_tables();
        select force_own_customer(array['usage_v1', 'usage_hour_v1', 'usage_caller_v1', 'usage_token_v1']);
      $$;
      revoke all on function make_usage_tables() from public;
      select force_own_customer(array['activity', 'activity_arrival', 'usage_v1', 'usage_hour_v1', 'usage_caller_v1',
                                      'usage_token_v1']);

      alter function append_activity(json, uuid[], json) set rebelcore.every_customer = 'on';
      alter function add_taken_usage(json) set rebelcore.every_customer = 'on';
      alter function forget_usage() set rebelcore.every_customer = 'on';
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
