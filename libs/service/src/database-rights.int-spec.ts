import { eventStoreTables } from '@rebelcore/event-store/schema';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { randomUUID } from 'node:crypto';
import { requireFewRights } from './database-rights.js';

// Of this file alone: a role belongs to the server.
const role = `narrow_${randomUUID().slice(0, 8)}`;
const editor = `editor_${role}`;
const months = `
  create table activity (id uuid, month date) partition by range (month);
  create table activity_2026_11 partition of activity for values from ('2026-11-01') to ('2026-12-01');
  create table activity_2026_12 partition of activity for values from ('2026-12-01') to ('2027-01-01');
  grant select, insert on activity to ${role};`;
let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase({ role, schema: eventStoreTables(role) });
});
afterEach(async () => {
  await database.asOwner(
    `alter schema public owner to pg_database_owner; drop owned by ${role} cascade; drop role ${role}`,
  );
  await database.asOwner(
    `do $$ begin if to_regrole('${editor}') is not null then drop owned by ${editor} cascade; drop role ${editor}; end if; end $$`,
  );
  await database.drop();
});

describe('S19: the login of a service', () => {
  it('is taken when it may do what the migrations grant', async () => {
    await expect(requireFewRights(database.pool())).resolves.toBeUndefined();
  });

  it('is taken when it reaches partitions through their table alone', async () => {
    await database.asOwner(months);
    await expect(requireFewRights(database.pool())).resolves.toBeUndefined();
  });

  it.each([
    [`alter role ${role} bypassrls`, 'bypasses row security'],
    [`alter role ${role} superuser`, 'is a superuser'],
    [`alter table claim owner to ${role}; alter table event owner to ${role}`, 'owns claim and event'],
    [`grant delete on event to ${role}`, 'may delete rows of event'],
    [`grant update (data) on event to ${role}`, 'may update columns of event'],
    [
      `create table activity (id uuid); grant truncate, update on activity to ${role}`,
      'may truncate rows of activity, may update rows of activity',
    ],
    [
      `create role ${editor}; grant update on event to ${editor}; grant ${editor} to ${role} with inherit false`,
      'may update rows of event',
    ],
    [`create role ${editor} bypassrls; grant ${editor} to ${role} with inherit false`, 'bypasses row security'],
    [
      `${months} grant update, delete on activity_2026_11 to ${role}; grant select (id) on activity_2026_12 to ${role}`,
      'has rights on activity_2026_11 and activity_2026_12, part of another table',
    ],
    [
      `${months} create schema kept authorization current_user; alter table activity_2026_11 set schema kept;
       grant insert on kept.activity_2026_11 to public`,
      'has rights on activity_2026_11, part of another table',
    ],
    [`alter schema public owner to ${role}`, 'owns the schema public'],
  ])('is refused after "%s"', async (sql, right) => {
    await database.asOwner(sql);
    await expect(requireFewRights(database.pool())).rejects.toThrow(
      `The database login "${role}" has too many rights for a service: it ${right}.`,
    );
  });

  it('is refused when it only plays a smaller one', async () => {
    const url = new URL(database.url);
    url.searchParams.set('options', `-c role=${role}`);
    await expect(requireFewRights(database.pool({ connectionString: url.href }))).rejects.toThrow('is a superuser');
  });
});
