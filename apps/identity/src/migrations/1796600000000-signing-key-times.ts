import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When each signing key signs, when its successor is due, and whether it was withdrawn. */
export class SigningKeyTimes1796600000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      alter table signing_key add column signs_from timestamptz, add column rotate_after timestamptz,
        add column withdrawn_at timestamptz;
      update signing_key set signs_from = created_at, rotate_after = created_at + interval '30 days';
      alter table signing_key alter column signs_from set not null, alter column rotate_after set not null;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
