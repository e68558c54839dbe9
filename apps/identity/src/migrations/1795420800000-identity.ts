import { scopeToCustomer } from '@rebelcore/event-store/customer-scope';
import { eventStoreTables } from '@rebelcore/event-store/schema';
import { consumerTables, outboxTables } from '@rebelcore/messaging/schema';
import { signingKeyTable } from '@rebelcore/credentials/signing-key-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const ROLE = 'identity';

/** The event store, the outbox, what a consumer keeps, and the tables of identity's own. */
export class Identity1795420800000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(eventStoreTables(ROLE));
    await db.query(outboxTables(ROLE));
    await db.query(consumerTables(ROLE));
    await db.query(`
      -- Who are the users of my customer? Written in the transaction of the event.
      create table user_v1 (
        customer_id uuid not null,
        id uuid not null,
        type text not null check (type in ('portal', 'api')),
        owner boolean not null,
        status text not null check (status in ('active', 'inactive')),
        username text,
        label text,
        role_id uuid,
        role_name text,
        replaces uuid,
        created_at timestamptz not null,
        -- The customer's sequence of the event that gave the user its status.
        status_sequence bigint not null,
        primary key (customer_id, id)
      ) with (fillfactor = 90);
      create index user_v1_by_status on user_v1 (customer_id, type, status, id);
      ${scopeToCustomer('user_v1')}
      grant select, insert, update on user_v1 to ${ROLE};

      -- Personal data and the argon2id hash: here and nowhere else, so that a person can be forgotten.
      create table portal_user_private (
        customer_id uuid not null,
        portal_user_id uuid not null,
        email text not null,
        first_name text not null,
        last_name text not null,
        password_hash text not null,
        primary key (customer_id, portal_user_id)
      );
      ${scopeToCustomer('portal_user_private')}
      grant select, insert on portal_user_private to ${ROLE};

      -- From here the credentials topic could be written again. The service itself never reads a verifier back.
      create table api_user_credential (
        customer_id uuid not null,
        api_user_id uuid primary key,
        pepper_version text not null,
        verifier text not null
      );
      ${scopeToCustomer('api_user_credential')}
      grant insert on api_user_credential to ${ROLE};

      -- Since when is a state of an API user in force at the token service?
      create table enforcement_v1 (
        api_user_id uuid primary key,
        customer_id uuid not null,
        sequence bigint not null,
        state text not null,
        applied_at timestamptz not null
      ) with (fillfactor = 80);
      grant select, insert, update on enforcement_v1 to ${ROLE};

      create table session (
        token_hash bytea primary key,
        id uuid not null unique,
        customer_id uuid not null,
        portal_user_id uuid not null,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        last_seen_at timestamptz not null
      ) with (fillfactor = 80);
      create index session_by_expiry on session (expires_at);
      grant select, insert, update, delete on session to ${ROLE};
    `);
    await db.query(signingKeyTable(ROLE));
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      drop table signing_key, session, enforcement_v1, api_user_credential, portal_user_private, user_v1;
      drop table heartbeat, parked_record, applied_sequence, consumer_offset, outbox, claim, customer_head, event;
    `);
  }
}
