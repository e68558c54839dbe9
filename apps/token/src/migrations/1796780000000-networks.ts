import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The networks that API users are confined to. */
export class Networks1796780000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- As CIDR has them, parted by blanks; null for anywhere, and most have none.
      alter table authorization_v1 add column authorize_networks text, add column token_networks text;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
