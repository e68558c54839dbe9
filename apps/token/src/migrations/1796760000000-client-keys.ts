import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Public keys by which API users prove who they are, and the assertions that were used. */
export class ClientKeys1796760000000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- [{kid, alg, jwk}], oldest first; null for none, and most have none.
      alter table authorization_v1 add column keys jsonb;

      -- What was signed counts once, at whichever replica. Rows are of no use once it has expired.
      create table client_assertion (
        api_user_id uuid not null,
        -- SHA-256 of the jti, which may be long.
        jti_hash bytea not null,
        expires_at timestamptz not null,
        primary key (api_user_id, jti_hash)
      );
      create index client_assertion_by_expiry on client_assertion (expires_at);
      grant select, insert, delete on client_assertion to token;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
