import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds what one person has done. */
export class Actors1795800240000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- Who did it, where that is a portal user.
      alter table activity add column actor_id uuid;
      -- What the metadata of earlier entries says as well. Nothing that an entry tells is changed.
      update activity set actor_id = (metadata->>'actor_id')::uuid
       where event_type not in ('api.authorize', 'api.call') and metadata->>'actor_id' is not null;
      update activity set actor_id = user_id where event_type = 'session.sign_in';
      create index activity_by_actor on activity (customer_id, actor_id, occurred_at, id) where actor_id is not null;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
