import { consumerTables, outboxTables } from '@rebelcore/messaging/schema';
import { signingKeyTable } from '@rebelcore/service/signing-key-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const ROLE = 'token';

/** The authorization view, what a consumer keeps, the outbox of acknowledgements, and the signing keys. */
export class Token1795420800000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(outboxTables(ROLE));
    await db.query(consumerTables(ROLE));
    await db.query(signingKeyTable(ROLE));
    await db.query(`
      -- May this username and password authorize, and as whom? A row is never deleted: without it a redelivered old
      -- event could open the door again. State and verifier come from two topics, in either order.
      create table authorization_v1 (
        api_user_id uuid primary key,
        customer_id uuid not null,
        username text not null unique,
        role_id uuid,
        role text,
        status text check (status in ('active', 'inactive')),
        -- identity's sequence of the event that the state is from
        sequence bigint,
        correlation_id text,
        event_id text,
        verifier text,
        pepper_version text,
        -- the last sequence that was acknowledged with ApiUserAuthorizationApplied
        acknowledged bigint not null default 0
      ) with (fillfactor = 85);
      grant select, insert, update on authorization_v1 to ${ROLE};

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
