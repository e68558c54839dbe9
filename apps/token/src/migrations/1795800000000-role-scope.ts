import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the role of an API user permits, beside the role: a token tells it without a second look. */
export class RoleScope1795800000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- The flags that are on, parted by blanks, as a token tells them.
      alter table authorization_v1 add column scope text;

      -- Until now there were the three system roles, and events did not tell their flags.
      update authorization_v1 set scope = case role_id
        when '0198a1de-0000-7000-8000-000000000001'
          then 'can_add_users can_add_roles can_view_activity can_view_specs can_use_agent'
        when '0198a1de-0000-7000-8000-000000000002' then 'can_view_specs can_use_agent'
        when '0198a1de-0000-7000-8000-000000000003' then 'can_use_agent'
        else '' end
      where role_id is not null;

      -- Who has this role?
      create index authorization_v1_by_role on authorization_v1 (customer_id, role_id);
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
