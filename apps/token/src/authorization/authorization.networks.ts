import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { PoolClient } from 'pg';

/** From this event on an API user is confined to these networks. Parted by blanks; undefined for anywhere. */
export interface NetworkChange {
  readonly apiUserId: string;
  readonly customerId: string;
  readonly sequence: number;
  readonly authorizeNetworks: string | undefined;
  readonly tokenNetworks: string | undefined;
}

/** What an event says of networks; undefined for one that says nothing. */
export function networkChange({ name, data, sequence }: IdentityEvent): NetworkChange | undefined {
  if (name !== 'ApiUserCreated' && name !== 'ApiUserNetworksChanged') return undefined;
  const { apiUserId, customerId, authorizeNetworks, tokenNetworks } = data;
  if (authorizeNetworks === undefined && tokenNetworks === undefined) return undefined;
  return {
    apiUserId,
    customerId,
    sequence,
    authorizeNetworks: authorizeNetworks?.join(' ') || undefined,
    tokenNetworks: tokenNetworks?.join(' ') || undefined,
  };
}

/** As parameters of `unnest`, in the order of the staging table of a rebuild. */
export const networkColumns = (changes: readonly NetworkChange[]): unknown[][] => [
  changes.map(({ apiUserId }) => apiUserId),
  changes.map(({ customerId }) => customerId),
  changes.map(({ sequence }) => sequence),
  changes.map(({ authorizeNetworks }) => authorizeNetworks),
  changes.map(({ tokenNetworks }) => tokenNetworks),
];

/** Writes what the last of these events says of each API user. */
export async function applyNetworks(tx: PoolClient, changes: readonly NetworkChange[]): Promise<void> {
  if (changes.length === 0) return;
  await tx.query({
    name: 'authorization.networks',
    // The row exists: ApiUserCreated came before on the same partition. In id order, as everything that locks several.
    text: `with said as (
             select distinct on (api_user_id) *
               from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[])
                 as c (api_user_id, customer_id, sequence, authorize_networks, token_networks)
              order by api_user_id, sequence desc
           ), held as (
             select said.* from authorization_v1 a join said using (api_user_id, customer_id)
              order by api_user_id for update of a
           )
           update authorization_v1 a
              set authorize_networks = held.authorize_networks, token_networks = held.token_networks
             from held where a.api_user_id = held.api_user_id`,
    values: networkColumns(changes),
  });
}
