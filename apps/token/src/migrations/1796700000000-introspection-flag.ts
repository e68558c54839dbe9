import type { MigrationInterface, QueryRunner } from 'typeorm';

/** RebelCore_SuperUser has every flag, so also the one that came with introspection. */
export class IntrospectionFlag1796700000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      update authorization_v1
         set scope = 'can_add_users can_add_roles can_view_activity can_view_specs can_use_agent can_introspect'
       where role_id = '0198a1de-0000-7000-8000-000000000001'
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
