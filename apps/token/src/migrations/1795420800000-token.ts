import { consumerTables, outboxTables } from '@rebelcore/messaging/schema';
import { signingKeyTable } from '@rebelcore/credentials/signing-key-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AUTHORIZATION_KEYS, authorizationTable } from '../authorization/authorization.table.js';

const ROLE = 'token';

/** The authorization view, what a consumer keeps, the outbox of acknowledgements, and the signing keys. */
export class Token1795420800000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(outboxTables(ROLE));
    await db.query(consumerTables(ROLE));
    await db.query(signingKeyTable(ROLE));
    await db.query(authorizationTable(ROLE));
    await db.query(AUTHORIZATION_KEYS);
    await db.query(`
      -- The gap-free ce_sequence of this service's own events, per customer.
      create table customer_sequence (
        customer_id uuid primary key,
        sequence bigint not null
      ) with (fillfactor = 85);
      grant select, insert, update on customer_sequence to ${ROLE};
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      drop table customer_sequence, authorization_v1, signing_key;
      drop table heartbeat, parked_record, applied_sequence, consumer_offset, outbox;
    `);
  }
}
