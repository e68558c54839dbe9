import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Portal users that are invited, edited and deleted, and the mails that invite them. */
export class PortalUsers1795800060000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- Somebody who is invited has no password yet; somebody who is deleted is forgotten.
      alter table portal_user_private alter column password_hash drop not null;
      grant update, delete on portal_user_private to identity;

      -- The address of somebody who was deleted, or got another one, is free again.
      grant delete on claim to identity;

      -- What setting the password leads to; null for whoever has set it.
      alter table user_v1 add column becomes text check (becomes in ('active', 'inactive'));
      create index user_v1_by_replaced on user_v1 (customer_id, replaces) where replaces is not null;
      grant delete on user_v1 to identity;

      -- The valid link of each person that is invited. Who holds the token is found by the claim of its hash.
      create table portal_user_invite (
        customer_id uuid not null,
        portal_user_id uuid not null,
        token_key text not null,
        -- Which invitation of the person it is, from 1.
        invitation integer not null,
        expires_at timestamptz not null,
        primary key (customer_id, portal_user_id)
      );
      alter table portal_user_invite enable row level security;
      create policy own_customer on portal_user_invite
        using (customer_id = nullif(current_setting('rebelcore.customer_id', true), '')::uuid);
      grant select, insert, update, delete on portal_user_invite to identity;

      -- Mails that are to be sent, one for each invitation. One loop empties it for all customers, as with the outbox, so it
      -- has no policy and holds nothing but ids and what only the service can open.
      create table invite_mail (
        customer_id uuid not null,
        portal_user_id uuid not null,
        sealed_token bytea not null,
        attempts integer not null default 0,
        due_at timestamptz not null default now(),
        -- Set once it is certain that it cannot be delivered.
        given_up_at timestamptz,
        primary key (customer_id, portal_user_id)
      );
      create index invite_mail_due on invite_mail (due_at) where given_up_at is null;
      grant select, insert, update, delete on invite_mail to identity;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
