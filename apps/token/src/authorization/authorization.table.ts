/** SQL for the migration and for a rebuild: the view's table, without its keys, in the current schema. */
export const authorizationTable = (role: string): string => `
-- May this username and password authorize, and as whom? A row is never deleted: without it a redelivered old
-- event could open the door again. State and verifier come from two topics, in either order.
create table authorization_v1 (
  api_user_id uuid not null,
  customer_id uuid not null,
  username text not null,
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
grant select, insert, update on authorization_v1 to ${role};
`;

/** Its keys. */
export const AUTHORIZATION_KEYS = 'alter table authorization_v1 add primary key (api_user_id), add unique (username);';

/** What the topics say, and nothing of how it came to be here. */
export const AUTHORIZATION_CONTENT = [
  'api_user_id',
  'customer_id',
  'username',
  'role_id',
  'role',
  'status',
  'sequence',
  'correlation_id',
  'event_id',
  'verifier',
  'pepper_version',
] as const;
