import type { ClientKey } from '@rebelcore/contracts/client-key';
import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { PoolClient } from 'pg';

/** From this event on an API user has a public key, or has it no longer. */
export interface KeyChange {
  readonly apiUserId: string;
  readonly customerId: string;
  readonly sequence: number;
  readonly kid: string;
  /** Undefined where it was removed. */
  readonly key?: ClientKey;
}

/** What an event says of public keys; undefined for every other event. */
export function keyChange({ name, data, sequence }: IdentityEvent): KeyChange | undefined {
  if (name !== 'ApiUserKeyAdded' && name !== 'ApiUserKeyRemoved') return undefined;
  const { apiUserId, customerId } = data;
  return name === 'ApiUserKeyAdded'
    ? { apiUserId, customerId, sequence, kid: data.key.kid, key: data.key }
    : { apiUserId, customerId, sequence, kid: data.kid };
}

/** As parameters of `unnest`, in the order of the staging table of a rebuild. */
export const keyColumns = (changes: readonly KeyChange[]): unknown[][] => [
  changes.map(({ apiUserId }) => apiUserId),
  changes.map(({ customerId }) => customerId),
  changes.map(({ sequence }) => sequence),
  changes.map(({ kid }) => kid),
  changes.map(({ key }) => key && JSON.stringify(key)),
];

/**
 * Writes what these events, oldest first, leave of keys: those that are not mentioned stay, and those that were added come
 * after them in the order of their events. Of a key that was added and removed again the last word counts.
 */
export async function applyKeys(tx: PoolClient, changes: readonly KeyChange[]): Promise<void> {
  if (changes.length === 0) return;
  await tx.query({
    name: 'authorization.keys',
    // The row exists: ApiUserCreated came before on the same partition. In id order, as everything that locks several.
    text: `with said as (
             select distinct on (api_user_id, kid) *
               from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::jsonb[])
                 as c (api_user_id, customer_id, sequence, kid, key)
              order by api_user_id, kid, sequence desc
           ), held as (
             select api_user_id, keys from authorization_v1 a
              where exists (select from said s where (s.api_user_id, s.customer_id) = (a.api_user_id, a.customer_id))
              order by api_user_id for update
           )
           update authorization_v1 a set keys = (
             select jsonb_agg(key order by position) from (
               select k.key, k.position from jsonb_array_elements(held.keys) with ordinality as k (key, position)
                where not exists (select from said s where s.api_user_id = a.api_user_id and s.kid = k.key ->> 'kid')
               union all
               -- After the few that are there.
               select s.key, 1000 + s.sequence from said s where s.api_user_id = a.api_user_id and s.key is not null
             ) as those
           )
           from held where a.api_user_id = held.api_user_id`,
    values: keyColumns(changes),
  });
}
